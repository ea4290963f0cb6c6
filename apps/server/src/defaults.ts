import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * For `npm run server`: what the environment leaves out, in a folder: a store in it, a master key, an issuer's key pair, and a
 * certificate that signs itself where OpenSSL is there, else plain HTTP on this machine alone. For trying it out.
 */
export function defaultEnvironment(folder: string, given: Readonly<Record<string, string | undefined>>) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  const write = (name: string, text: () => string): string => {
    if (!existsSync(at(name))) writeFileSync(at(name), text(), { mode: 0o600 });
    return at(name);
  };
  const keyFile = write("master.keys", () => `${randomBytes(32).toString("base64url")}\n`);
  if (!existsSync(at("issuer.json"))) {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    write("issuer.pem", () => privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    write("issuer.json", () =>
      JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "issuer" }] }),
    );
  }
  return {
    BLINDREEL_STORE: "folder",
    BLINDREEL_FOLDER: at("store"),
    BLINDREEL_AT_REST: "sealed",
    BLINDREEL_KEY_FILE: keyFile,
    BLINDREEL_REGION: "eu",
    BLINDREEL_TOKEN_KEYS: at("issuer.json"),
    BLINDREEL_TOKEN_ISSUER: "https://localhost",
    BLINDREEL_TOKEN_AUDIENCE: "https://localhost:8443",
    ...certificate(at("tls.crt"), at("tls.key")),
    ...given,
  };
}

function certificate(cert: string, key: string): Record<string, string> {
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
  try {
    if (!existsSync(cert))
      execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert], {
        stdio: "ignore",
      });
  } catch {
    return { BLINDREEL_TLS: "proxy" };
  }
  return { BLINDREEL_TLS: "files", BLINDREEL_TLS_CERT: cert, BLINDREEL_TLS_KEY: key };
}
