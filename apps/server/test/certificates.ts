import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openssl } from "../../../test/helpers/openssl.js";
import { folder } from "./fixture.js";

/** A certificate for this machine that signs itself, and where its files are. */
export function selfSigned(algorithm: "ec" | "rsa" = "ec") {
  const root = folder();
  const [certPath, keyPath] = [join(root, "tls.crt"), join(root, "tls.key")];
  const kind =
    algorithm === "ec" ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["-newkey", "rsa:2048"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  openssl(["req", "-x509", ...kind, "-nodes", "-days", "2", ...names, "-keyout", keyPath, "-out", certPath]);
  return { certPath, keyPath, cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") };
}
