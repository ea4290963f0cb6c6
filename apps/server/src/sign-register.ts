import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { signRegister } from "./register.js";

/** `node --import tsx apps/server/src/sign-register.ts register.json operator.pem > register.jws`, on the operator's machine. */
const [claims, key] = process.argv.slice(2) as [string, string];
const signed = await signRegister(
  JSON.parse(readFileSync(claims, "utf8")),
  createPrivateKey(readFileSync(key)),
);
process.stdout.write(`${signed}\n`);
