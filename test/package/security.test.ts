import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { checkAdvisories } from "../../scripts/security/advisories.js";
import { checkLockFiles } from "../../scripts/security/lock-files.js";
import { checkSbom, makeSbom } from "../../scripts/security/sbom.js";
import { checkSecrets, PUBLISHED_KEYS, secretsIn } from "../../scripts/security/secrets.js";
import { ROOT } from "./program.js";

/** What `npm run security` checks of this repository, and that each check finds what it is there for. */

describe("lock files", () => {
  test("hold hashes, and no address but npm's", () => {
    const { outcome, lines } = checkLockFiles();
    expect({ outcome, lines }).toMatchObject({ outcome: "passed" });
    expect(Number.parseInt(lines[0]!, 10)).toBeGreaterThan(500);
  });

  const integrity = `sha512-${Buffer.alloc(64, 7).toString("base64")}`;
  test.each([
    ["another host", { resolved: "https://registry.example.com/a/-/a-1.0.0.tgz", integrity }, /invalid host/],
    ["no https", { resolved: "http://registry.npmjs.org/a/-/a-1.0.0.tgz", integrity }, /invalid protocol/],
    ["a repository", { resolved: "git+ssh://git@github.com/a/a.git#1234567", integrity }, /invalid host/],
    ["a file", { resolved: "../a.tgz", integrity }, /comes from/],
    ["a weak hash", { integrity: "sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00=" }, /invalid integrity/],
    ["no hash", {}, /has no integrity/],
  ])("are refused with %s", (_, entry, finding) => {
    const folder = mkdtempSync(join(tmpdir(), "blindreel-lock-"));
    try {
      const path = join(folder, "package-lock.json");
      const packages = {
        "": { name: "x", version: "1.0.0" },
        "node_modules/a": { version: "1.0.0", ...entry },
      };
      writeFileSync(path, JSON.stringify({ name: "x", version: "1.0.0", lockfileVersion: 3, packages }));
      const { outcome, lines } = checkLockFiles([path]);
      expect(outcome).toBe("found");
      expect(lines.join()).toMatch(finding);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("secrets", () => {
  test("are in no file but those that are listed with a reason", async () => {
    expect(await checkSecrets()).toMatchObject({ outcome: "passed" });
  });

  const { privateKey } = generateKeyPairSync("x25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const jwk = privateKey.export({ format: "jwk" });
  const raw = Buffer.from(jwk.d!, "base64url").toString("hex");
  const token = `ghp_${raw.slice(0, 36)}`;
  test.each([
    ["a key as PEM", pem, pem.split("\n")[1]!],
    ["a key as PEM in JSON", JSON.stringify({ pem }), pem.split("\n")[1]!],
    ["a key as JWK", JSON.stringify(jwk), jwk.d!],
    ["a key as JWK in a text", JSON.stringify(JSON.stringify(jwk)), jwk.d!],
    ["a key as hex", `const privateKey = "${raw}";`, raw],
    ["an access token", `token: ${token}`, token],
  ])("are found and not shown: %s", async (_, content, secret) => {
    const findings = await secretsIn("src/example.ts", `\n${content}\n`);
    expect(findings.length).toBe(1);
    expect(findings[0]).toMatch(/^src\/example\.ts:2: found /);
    expect(findings[0]).not.toContain(secret.slice(0, 20));
  });

  test("are not public keys, thumbprints and hashes", async () => {
    const { x } = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
    const hash = Buffer.alloc(32, 0xab).toString("hex");
    expect(
      await secretsIn("a.ts", JSON.stringify({ kty: "OKP", x, thumbprint: hash, coreHash: hash })),
    ).toEqual([]);
  });

  test.each(PUBLISHED_KEYS)("are in the folder listed: $reason", async ({ folder }) => {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
    const names = files.filter((file) => file.endsWith(".vector"));
    const texts = names.map((name) => readFileSync(join(ROOT, folder, name), "utf8"));
    expect(await secretsIn(folder, texts.join("\n"))).not.toEqual([]);
  });
});

describe("the bill of materials", () => {
  test("keeps to CycloneDX's schema, and is the one in the package", async () => {
    expect(await checkSbom()).toMatchObject({ outcome: "passed" });
  });

  test("names every package that a user gets, by the version that is required", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const { components } = JSON.parse(makeSbom()) as { components: { purl: string }[] };
    const expected = Object.entries(dependencies).map(
      ([name, version]) => `pkg:npm/${name.replace("@", "%40")}@${version}`,
    );
    expect(components.map(({ purl }) => purl).sort()).toEqual(expected.sort());
  });
});

describe("advisories", () => {
  let server: Server | undefined;
  // What these registries answer does not belong into the user's cache.
  const cache = mkdtempSync(join(tmpdir(), "blindreel-npm-"));
  beforeAll(() => void vi.stubEnv("npm_config_cache", cache));
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(cache, { recursive: true });
  });
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });
  async function registry(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }
  const json =
    (status: number, body: unknown): RequestListener =>
    (_, response) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };

  test("pass where the registry has none", async () => {
    const checks = await checkAdvisories(await registry(json(200, {})));
    expect(checks.map(({ outcome }) => outcome)).toEqual(["passed", "passed"]);
  });

  test.each([
    ["@noble/ciphers", "advisories (production)"],
    ["fast-check", "advisories (development)"],
  ])("are found, and named: %s in %s", async (name, where) => {
    const advisory = {
      id: 1,
      url: "https://example.com",
      title: "It leaks",
      severity: "high",
      vulnerable_versions: "*",
    };
    const address = await registry((request, response) => {
      const asked = decodeURIComponent(request.url!.slice(1));
      const versions = { "1.0.0": { name: asked, version: "1.0.0" } };
      const isAudit = asked.endsWith("/advisories/bulk");
      json(200, isAudit ? { [name]: [advisory] } : { name: asked, versions })(request, response);
    });
    const checks = await checkAdvisories(address);
    const { outcome, lines } = checks.find((check) => check.name === where)!;
    expect(outcome).toBe("found");
    expect(lines.filter((line) => line.startsWith(`${name} `)).join()).toMatch(/: high, It leaks$/);
  });

  test.each([
    ["refuses", json(405, {})],
    ["fails", json(503, { error: "down" })],
    ["answers with a page", (_, response) => response.end("<!doctype html><title>Sign in</title>")],
    ["hangs up", (request) => request.socket.destroy()],
  ] satisfies [string, RequestListener][])("are not checked where the registry %s", async (_, listener) => {
    for (const { outcome, lines } of await checkAdvisories(await registry(listener))) {
      expect(outcome).toBe("not checked");
      expect(lines[0]).toMatch(/^the registry's advisories cannot be read: ./);
    }
  });
});
