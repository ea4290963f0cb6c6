import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lintSource } from "@secretlint/core";
import { creator as recommended } from "@secretlint/secretlint-rule-preset-recommend";
import type { SecretLintCoreConfig, SecretLintRuleContext, SecretLintSourceCode } from "@secretlint/types";
import { ROOT } from "../runtimes.js";
import { type Check, checkOf } from "./check.js";

/** Folders with keys on purpose: none of these keys protects anything. */
export const PUBLISHED_KEYS: readonly { readonly folder: string; readonly reason: string }[] = [
  { folder: "test/vectors/files/", reason: "identities of the published vectors of sealed files" },
  { folder: "test/vectors/x-wing/", reason: "identities of the published vectors of hybrid slots" },
  { folder: "test/vectors/frozen/", reason: "identities of the vectors that were frozen" },
  { folder: "test/vectors/recordings/", reason: "identities of the published vectors of recordings" },
  {
    folder: "test/vectors/access/",
    reason: "identities of the published vectors of requests, grants and shares",
  },
  { folder: "test/vectors/identities/", reason: "identities of the published vectors of identity files" },
];

/** This package's own secrets, too short for the recommended rules: 32-byte keys as PEM, JWK or hex. */
const KEYS = {
  pem: /-----BEGIN PRIVATE KEY-----(?:\s|\\n)*[A-Za-z0-9+/]{40}/g,
  jwk: /"d\\?"\s*:\s*\\?"[\w-]{43}\\?"/g,
  hex: /(?:identit|private|secret|seed|fileKey|readKey)\w*["'\s:=(]{1,4}(?:x-wing:)?[0-9a-f]{64}\b/gi,
};

const messages = Object.fromEntries(
  Object.keys(KEYS).map((form) => [form, { en: () => `found private key, as ${form.toUpperCase()}` }]),
);

const config: SecretLintCoreConfig = {
  rules: [
    { id: recommended.meta.id, rule: recommended },
    {
      id: "blindreel-keys",
      rule: {
        messages,
        meta: { id: "blindreel-keys", type: "scanner", recommended: true, supportedContentTypes: ["text"] },
        create: (context: SecretLintRuleContext) => ({
          file({ content }: SecretLintSourceCode) {
            for (const [form, pattern] of Object.entries(KEYS)) {
              for (const { index, 0: text } of content.matchAll(pattern)) {
                const message = context.createTranslator(messages)(form);
                context.report({ message, range: [index, index + text.length] });
              }
            }
          },
        }),
      },
    },
  ],
};

/** Findings in one file, without the secrets themselves. */
export async function secretsIn(path: string, content: string): Promise<string[]> {
  const source = { filePath: path, content, ext: "", contentType: "text" } as const;
  const result = await lintSource({
    source,
    options: { config, maskSecrets: true, noPhysicFilePath: true },
  });
  return result.messages.map(
    ({ loc, ruleId, message }) => `${path}:${loc.start.line}: ${message} (${ruleId})`,
  );
}

/** What is committed, or could be by the next commit. */
export async function checkSecrets(): Promise<Check> {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const names = execFileSync("git", list, { cwd: ROOT, encoding: "utf8" }).split("\0");
  const findings: string[] = [];
  let count = 0;
  for (const name of names) {
    // A file that was deleted, and not committed so, is still listed.
    if (name === "" || !existsSync(join(ROOT, name))) continue;
    if (PUBLISHED_KEYS.some(({ folder }) => name.startsWith(folder))) continue;
    findings.push(...(await secretsIn(name, readFileSync(join(ROOT, name), "utf8"))));
    count++;
  }
  return checkOf("secrets", findings, `${count} files`);
}
