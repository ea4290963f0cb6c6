import { importRecipient } from "blindreel";
import { defaultProvider, verifyEd25519 } from "blindreel/crypto";
import { openBytes, openReadable, openTransform } from "blindreel/stream";
import { hkdfExpand, hkdfExtract } from "../../../src/crypto/hkdf.js";
import { p256Of } from "../../../src/crypto/p256.js";
import { decodeHex, encodeHex } from "../../../src/formats/encoding.js";
import { type Bytes, cut, drain, fromHex, type Outcome, readableOf } from "./bytes.js";
import { publishedVectors } from "./data.js";
import { type Case, codeOf, equal, fails, type Host, isTrue, sha } from "./kit.js";
import { rfc9180 } from "./rfc9180.js";

/**
 * The published vectors, on the provider that the built package picks in this runtime. HKDF and HPKE are not part of
 * the package's surface: their code comes from the source and runs on that provider.
 */

interface Test {
  readonly tcId: number;
  readonly flags: readonly string[];
  readonly result: "valid" | "acceptable" | "invalid";
}

interface File<Group, T> {
  readonly numberOfTests: number;
  readonly testGroups: readonly (Group & { readonly tests: readonly (T & Test)[] })[];
}

type Hex<Names extends string> = Readonly<Record<Names, string>>;

/** Runs every test of a file and checks that there were as many as it says, and as many as are known. */
async function each<Group, T>(
  host: Host,
  name: string,
  count: number,
  run: (test: T & Test, group: Group) => Promise<void>,
): Promise<void> {
  const file = await publishedVectors<File<Group, T>>(host, name);
  let done = 0;
  for (const group of file.testGroups) {
    for (const test of group.tests) {
      try {
        await run(test, group);
      } catch (error) {
        throw new Error(`${name}, tcId ${test.tcId}: ${(error as Error).message}`, { cause: error });
      }
      done++;
    }
  }
  equal([done, file.numberOfTests], [count, count], `tests of ${name}`);
}

/** The push form apart, every way through the stream API. */
const openForms: Readonly<
  Record<string, (sealed: Bytes, key: { key: Bytes; context: Bytes }) => Promise<Outcome>>
> = {
  whole: async (sealed, key) => {
    try {
      return { released: await openBytes(sealed, key), failed: false, error: undefined };
    } catch (error) {
      return { released: new Uint8Array(0), failed: true, error };
    }
  },
  pulled: (sealed, key) => drain(() => openReadable(cut(sealed, 56, 16_400), key)),
  piped: (sealed, key) => drain(() => readableOf(cut(sealed, 5000)).pipeThrough(openTransform(key))),
};

export const published: readonly Case[] = [
  {
    name: "Wycheproof HKDF-SHA-256 and HKDF-SHA-512, all 86 and 83",
    async run(host) {
      for (const [hash, name, count] of [
        ["SHA-256", "wycheproof-hkdf-sha256.json", 86],
        ["SHA-512", "wycheproof-hkdf-sha512.json", 83],
      ] as const) {
        type T = Hex<"ikm" | "salt" | "info" | "okm"> & { readonly size: number };
        await each<object, T>(host, name, count, async ({ ikm, salt, info, okm, size, result }) => {
          const crypto = defaultProvider();
          const prk = await hkdfExtract(crypto, hash, decodeHex(salt), decodeHex(ikm));
          const expand = () => hkdfExpand(crypto, hash, prk, decodeHex(info), size);
          if (result === "invalid") await fails(expand, "out-of-range");
          else equal(encodeHex(await expand()), okm);
        });
      }
    },
  },
  {
    name: "Wycheproof HMAC-SHA-256, all 174",
    async run(host) {
      type T = Hex<"key" | "msg" | "tag">;
      type Group = { readonly tagSize: number };
      await each<Group, T>(
        host,
        "wycheproof-hmac-sha256.json",
        174,
        async ({ key, msg, tag, result }, { tagSize }) => {
          const mac = await defaultProvider().hmac("SHA-256", decodeHex(key), decodeHex(msg));
          equal(encodeHex(mac).slice(0, tagSize / 4) === tag, result === "valid");
        },
      );
    },
  },
  {
    name: "Wycheproof AES-256-GCM, all 105: other nonces than 96 bits refused",
    async run(host) {
      type T = Hex<"key" | "iv" | "aad" | "msg" | "ct" | "tag">;
      type Group = { readonly ivSize: number };
      await each<Group, T>(host, "wycheproof-aes-256-gcm.json", 105, async (test, { ivSize }) => {
        const key = await defaultProvider().importAesGcmKey(decodeHex(test.key));
        const [nonce, aad, message] = [decodeHex(test.iv), decodeHex(test.aad), decodeHex(test.msg)];
        const sealed = decodeHex(test.ct + test.tag);
        if (ivSize !== 96) {
          await fails(() => key.seal(nonce, message, aad), "out-of-range");
          await fails(() => key.open(nonce, sealed, aad), "out-of-range");
        } else if (test.result === "valid") {
          equal(encodeHex(await key.seal(nonce, message, aad)), test.ct + test.tag, "sealed");
          equal(encodeHex(await key.open(nonce, sealed, aad)), test.msg, "opened");
        } else await fails(() => key.open(nonce, sealed, aad), "authentication-failed");
      });
    },
  },
  {
    name: "Wycheproof X25519, all 518: low order and non-canonical refused, the twist accepted",
    async run(host) {
      const REFUSED = ["NonCanonicalPublic", "LowOrderPublic", "SmallPublicKey", "ZeroSharedSecret"];
      type T = Hex<"public" | "private" | "shared">;
      await each<object, T>(host, "wycheproof-x25519.json", 518, async (test) => {
        const crypto = defaultProvider();
        const publicKey = decodeHex(test.public);
        if (test.flags.some((flag) => REFUSED.includes(flag))) {
          await fails(() => importRecipient(publicKey), "invalid-key");
          return;
        }
        sameKey(await importRecipient(publicKey), publicKey);
        const privateKey = await crypto.importX25519(decodeHex(test.private));
        const secret = await crypto.agreeX25519(privateKey, await crypto.importX25519PublicKey(publicKey));
        equal(encodeHex(secret), test.shared);
      });
    },
  },
  {
    name: "Wycheproof ECDH on P-256, all 355: compressed points and those off the curve refused, x = 0 agreed on",
    async run(host) {
      type T = Test & Hex<"public" | "private" | "shared">;
      const name = "wycheproof-ecdh-p256-ecpoint.json";
      const { tests } = await publishedVectors<{ readonly tests: readonly T[] }>(host, name);
      const backend = p256Of(defaultProvider());
      let agreed = 0;
      for (const { tcId, result, ...test } of tests) {
        const publicKey = decodeHex(test.public);
        if (result !== "valid") {
          await fails(() => importRecipient(publicKey), "invalid-key");
          continue;
        }
        sameKey(await importRecipient(publicKey), publicKey);
        // Integers of any length in the file.
        const scalar = decodeHex(test.private.replace(/^(00)+/, "").padStart(64, "0"));
        const privateKey = await backend.importPrivate(scalar, await backend.derivePublicKey(scalar));
        const shared = await backend.agree(privateKey, await backend.importPublic(publicKey));
        equal(encodeHex(shared), test.shared, `tcId ${tcId}`);
        agreed++;
      }
      equal([tests.length, agreed], [355, 330], "tests, and those that are valid");
    },
  },
  {
    name: "Wycheproof Ed25519, all 151, strictly",
    async run(host) {
      type Group = { readonly publicKey: { readonly pk: string } };
      type T = Hex<"msg" | "sig">;
      await each<Group, T>(
        host,
        "wycheproof-ed25519.json",
        151,
        async ({ msg, sig, result }, { publicKey }) => {
          const crypto = defaultProvider();
          const accepted = await verifyEd25519(
            crypto,
            decodeHex(publicKey.pk),
            decodeHex(msg),
            decodeHex(sig),
          );
          equal(accepted, result === "valid");
        },
      );
    },
  },
  {
    name: "Wycheproof Cobblestone-256, all 35: what is invalid releases a true prefix at most",
    async run(host) {
      type T = Hex<"key" | "ctx" | "ct"> & { readonly msgLength?: number; readonly msgSha512?: string };
      const name = "wycheproof-c2sp-chunked-encryption-aes-256-gcm.json";
      await each<object, T>(host, name, 35, async (test) => {
        const key = { key: decodeHex(test.key), context: decodeHex(test.ctx) };
        const sealed = fromHex(test.ct);
        for (const [form, run] of Object.entries(openForms)) {
          const { released, failed, error } = await run(sealed, key);
          equal(failed, test.result === "invalid", form);
          if (failed) {
            const codes = ["authentication-failed", "truncated", "out-of-range"];
            isTrue(codes.includes(codeOf(error)), `${form}: ${codeOf(error)}`);
          }
          const mayRelease = failed && !test.flags.includes("PartialPlaintext") ? 0 : (test.msgLength ?? 0);
          isTrue(released.length <= mayRelease, `${form}: released ${released.length} bytes`);
          if (failed && released.length < mayRelease) continue;
          if (test.msgSha512) equal(await sha("SHA-512", released), test.msgSha512, form);
        }
      });
    },
  },
  ...rfc9180,
];

function sameKey(recipient: { readonly publicKey: Uint8Array }, expected: Uint8Array): void {
  equal(encodeHex(recipient.publicKey as Bytes), encodeHex(expected as Bytes), "the imported key");
}
