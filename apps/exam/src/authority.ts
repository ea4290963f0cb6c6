import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Names that a browser resolves to this machine by itself (RFC 6761 §6.3), and Node's. */
export const HOSTS = ["localhost", "exams.localhost", "staff.localhost"] as const;

/** A throw-away authority and the one certificate that it has signed. */
export interface Authority {
  /** Path of the authority's certificate, for whoever shall trust it. */
  readonly path: string;
  readonly ca: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes what is not there yet, in a folder. Its key stays there: trust it on a machine for trying things out, and no longer. */
export function openAuthority(folder: string): Authority {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  const [path, certPath, keyPath] = [at("authority.crt"), at("tls.crt"), at("tls.key")];
  if (!existsSync(certPath)) {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const authority = [
      "-addext",
      "basicConstraints=critical,CA:TRUE",
      "-addext",
      "keyUsage=critical,keyCertSign",
    ];
    const days = ["-days", "30"];
    openssl(
      "req",
      "-x509",
      ...key,
      ...days,
      "-subj",
      "/CN=Blindreel exam on this machine",
      ...authority,
      "-keyout",
      at("authority.key"),
      "-out",
      path,
    );
    openssl("req", ...key, "-subj", "/CN=localhost", "-keyout", keyPath, "-out", at("tls.csr"));
    const names = HOSTS.map((host) => `DNS:${host}`).join(",");
    writeFileSync(at("tls.ext"), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
    const signing = ["-CA", path, "-CAkey", at("authority.key"), ...days, "-extfile", at("tls.ext")];
    openssl("x509", "-req", "-in", at("tls.csr"), ...signing, "-out", certPath);
  }
  return {
    path,
    ca: readFileSync(path, "utf8"),
    certPath,
    keyPath,
    cert: readFileSync(certPath, "utf8"),
    key: readFileSync(keyPath, "utf8"),
  };
}

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Lets Chromium on Linux trust it for a home folder: `HOME` of the browser's process. */
export function trustAuthority({ path }: Authority, home: string): void {
  const database = join(home, ".pki/nssdb");
  mkdirSync(database, { recursive: true });
  const run = (...args: readonly string[]): void =>
    void execFileSync("certutil", ["-d", `sql:${database}`, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  run("-N", "--empty-password");
  run("-A", "-t", "C,,", "-n", "exam", "-i", path);
}
