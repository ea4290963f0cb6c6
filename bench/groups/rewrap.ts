import { generateIdentity, inspect, open, seal, type X25519Identity } from "blindreel";
import { defaultProvider } from "blindreel/crypto";
import { rewrapAll, type StoredEnvelope } from "blindreel/keyset";
import type { Group } from "../lib/group.js";
import { measure } from "../lib/measure.js";
import { ratioAtMost, timeRow } from "../lib/row.js";

const ENVELOPES = 1000;

export const group: Group = {
  title: "Rewrapping in bulk",
  about:
    "Envelopes in memory, one recipient out and one in, on one core; every new envelope is opened with the new key before it takes the old one's place. " +
    "The ratio is to what this cannot do without: an agreement to unwrap, a key generation and an agreement to wrap, an agreement to open the new envelope. 500 a second are 2000 µs.",

  async run(scale) {
    const count = scale.count(ENVELOPES);
    const crypto = defaultProvider();
    const [old, next] = [await generateIdentity(), await generateIdentity()];
    const file = await fileFor([old]);
    const envelope = file.slice(0, inspect(file).envelopeLength);
    function* stored(): Generator<StoredEnvelope> {
      for (let i = 0; i < count; i++)
        yield { name: String(i), bytes: async () => envelope, replace: async () => true };
    }
    const publicKey = await crypto.importX25519PublicKey(next.recipient.publicKey);
    const agreements = async () => {
      for (let i = 0; i < count; i++) {
        const { privateKey } = await crypto.generateX25519();
        for (let j = 0; j < 3; j++) await crypto.agreeX25519(privateKey, publicKey);
      }
    };
    const rewrapping = async () => {
      for await (const { state } of rewrapAll(stored(), { identities: [old, next], to: next.recipient }))
        if (state !== "rewrapped") throw new Error(state);
    };
    const contenders = [
      { name: "agreements", run: agreements },
      { name: "rewrap", run: rewrapping },
    ];
    const [bare, all] = await measure(contenders, scale);
    const reference = { operations: count, result: bare! };
    const shape = { unit: "µs", operations: count } as const;
    return [
      timeRow("one key generation, three agreements", shape, bare!, reference),
      timeRow("rewrap one envelope", shape, all!, reference, { target: { of: "value", atMost: 2000 } }),
    ];
  },
};

const SLOTS = 1000;
const ANONYMOUS = 64;

export const slots: Group = {
  title: "Finding one's slot",
  about:
    "A file of one byte is opened by the holder of one of its slots. Slots that name a key are found by it; anonymous ones, of which the format allows 64, are tried one by one. The ratio is to an envelope of one slot. Opening decodes and authenticates all slots, " +
    "unwrapping finds one.",

  async run(scale) {
    const count = scale.name === "smoke" ? 3 : SLOTS;
    const own = await generateIdentity();
    const others: X25519Identity[] = [];
    for (let i = 1; i < count; i++) others.push(await generateIdentity());
    const one = await fileFor([own]);
    const many = await fileFor([own, ...others]);
    const anonymous = (n: number) => fileFor([own, ...others.slice(0, n - 1)], true);
    const [some, most] = [await anonymous(ANONYMOUS / 2), await anonymous(ANONYMOUS)];
    const context = { coreHash: new Uint8Array(32).fill(1), crypto: defaultProvider() };
    const list = await Promise.all(
      [own, ...others].map(({ recipient }) => recipient.wrap(new Uint8Array(32).fill(2), context)),
    );
    const operations = scale.count(100);
    const unwrapping = (slots: typeof list) => async () => {
      for (let i = 0; i < operations; i++) {
        for (const slot of slots) {
          const fileKey = own.unwrap(slot, context);
          if (fileKey !== null) await fileKey;
        }
      }
    };
    const runs = (file: Uint8Array) => async () => {
      for (let i = 0; i < operations; i++) await open(file, { identities: own });
    };
    const results = await measure(
      [
        { name: "one", run: runs(one) },
        { name: "many", run: runs(many) },
        { name: "some", run: runs(some) },
        { name: "most", run: runs(most) },
        { name: "unwrap one", run: unwrapping(list.slice(0, 1)) },
        { name: "unwrap many", run: unwrapping(list) },
      ],
      scale,
    );
    const reference = { operations, result: results[0]! };
    const shape = { unit: "µs", operations } as const;
    const unwrapped = { operations, result: results[4]! };
    const rows: readonly (readonly [string, number])[] = [
      ["1 slot", 0],
      [`${SLOTS} slots with key ids`, 1],
      [`${ANONYMOUS / 2} anonymous slots`, 2],
      [`${ANONYMOUS} anonymous slots`, 3],
    ];
    return [
      ...rows.map(([what, i]) => timeRow(`open among ${what}`, shape, results[i]!, reference)),
      timeRow("unwrap of 1 slot", shape, results[4]!, unwrapped),
      timeRow(`unwrap among ${SLOTS} slots with key ids`, shape, results[5]!, unwrapped, {
        target: ratioAtMost(2),
      }),
    ];
  },
};

function fileFor(identities: readonly X25519Identity[], isAnonymous = false): Promise<Uint8Array> {
  const to = identities.map(({ recipient }) => (isAnonymous ? recipient.anonymous() : recipient));
  return seal(new Uint8Array(1), { to });
}
