import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { readMessages } from "./messages.js";
import { ROOT } from "./program.js";

/** What every error says: codes are the interface, messages are for people. `npm run surface` writes the list anew. */

const messages = readMessages();

const HEAD = `# Errors

Codes, and the messages that go with them; \`…\` is what is known at run time, and brackets hold what may be left out. Written by \`npm run surface\`, from the sources.`;

test("every message is in the list, and no other", async () => {
  const codes = [...new Set(messages.map(({ code }) => code))];
  const lists = codes.map((code) => {
    const texts = messages.filter((message) => message.code === code).map(({ text }) => `- ${text}`);
    return [`## ${code}`, "", ...texts].join("\n");
  });
  await expect(`${[HEAD, ...lists].join("\n\n")}\n`).toMatchFileSnapshot("messages.md");
});

test("every code has a message, and no message is only known at run time", () => {
  const { statements } = ts.createSourceFile(
    "",
    ts.sys.readFile(join(ROOT, "src/errors.ts"))!,
    ts.ScriptTarget.ES2022,
  );
  const details = statements.find(
    (node) => ts.isInterfaceDeclaration(node) && node.name.text === "ErrorDetails",
  );
  const names = (details as ts.InterfaceDeclaration).members.map(
    ({ name }) => (name as ts.StringLiteral).text,
  );
  expect(names.length).toBeGreaterThan(30);
  const codes = new Set(messages.map(({ code }) => code));
  expect([...codes].sort()).toEqual([...names, "wrong-type", "out-of-range"].sort());
  // Sentences out of a table: of keys that are none (src/keywrap/foreign-key.ts) and of passkeys (src/keywrap/passkey.ts).
  const fromTables = ["invalid-key", "passkey-failed"];
  const unknown = messages.filter(({ text }) => /^[…\s]*$/.test(text));
  expect(unknown.map(({ code }) => code)).toEqual(fromTables);
});
