/** Deletion is the destruction of keys: what a server ever saw, with every key that may still exist, opens nothing. */
import { expect, test } from "vitest";
import type { Identity } from "../../src/index.js";
import { generateIdentity, inspect, open, rewrap, seal } from "../../src/index.js";
import {
  destroyBucket,
  generateSigningKey,
  planBuckets,
  signHold,
  signKeyset,
  verifyDestruction,
  verifyHold,
  verifyKeyset,
} from "../../src/keyset/index.js";
import type { Slot, WrapContext } from "../../src/keywrap/types.js";
import { INSTITUTION, inDays, NOW } from "./institution.js";

const OBJECTS = 10_000;
const HELD = 5;

/** Of every slot its key is tried on, whichever key the slot names. */
function stubborn(identity: Identity & { readonly keyId: string }): Identity {
  const own = Uint8Array.from(Buffer.from(identity.keyId, "hex"));
  return {
    async unwrap(slot: Slot, context: WrapContext) {
      const asNamed = await Promise.resolve(identity.unwrap({ ...slot, keyId: own }, context)).catch(
        () => null,
      );
      return asNamed ?? identity.unwrap({ ...slot, keyId: new Uint8Array(16) }, context);
    },
  };
}

test(`after the destruction of a bucket 0 of ${OBJECTS} objects open`, { timeout: 300_000 }, async () => {
  const [root, registrar] = [await generateSigningKey(), await generateSigningKey()];
  const buckets = await planBuckets({ from: NOW, days: 30, count: 3, notBefore: inDays(-1) });
  const claims = {
    institution: INSTITUTION,
    sequence: 1,
    issued: NOW,
    expires: inDays(80),
    registrar: registrar.publicJwk(),
    approvals: 1 as const,
    keys: buckets.flatMap(({ keys }) => keys),
  };
  const keyset = await verifyKeyset(await signKeyset(claims, root), { pin: root.thumbprint, now: NOW });
  const former = await generateIdentity();

  // Every byte that the server ever saw: files, their envelopes before and after a rewrap, the held ones' too.
  const server: Uint8Array[] = [];
  const coreHashes: string[] = [];
  for (let i = 0; i < OBJECTS; i++) {
    const policy = { expiresAt: inDays(1 + (i % 29)) };
    server.push(await seal(new Uint8Array([i & 0xff]), { to: keyset, policy, now: NOW }));
  }
  const [doomed, ...rest] = buckets;
  for (const file of server.slice(0, HELD)) {
    coreHashes.push((await open(file, { identities: doomed!.identity, now: NOW })).coreHash);
  }
  const until = inDays(75);
  const text = await signHold({ institution: INSTITUTION, recordings: coreHashes, until, issued: NOW }, root);
  const now = inDays(31);
  const holds = [await verifyHold(text, { keyset, now })];
  const envelopes: Uint8Array[] = [];
  for (const file of server.slice(0, HELD)) {
    const { envelopeLength } = inspect(file);
    const to = keyset.recipients({ expiresAt: inDays(1), heldUntil: until, now });
    const rewrapping = { identities: doomed!.identity, holds, now };
    envelopes.push(await rewrap(file.slice(0, envelopeLength), { ...rewrapping, to }));
  }

  const destruction = await destroyBucket(
    {
      bucket: doomed!.identity.thumbprint,
      keyset,
      holds,
      recordings: envelopes,
      identities: rest.map(({ identity }) => identity),
      // The only references to the doomed pair in this test are not used below.
      erase: () => {},
      now,
    },
    root,
  );
  expect((await verifyDestruction(destruction, { keyset, now })).held).toHaveLength(HELD);

  const allowed = [...rest.flatMap(({ identity, recovery }) => [identity, recovery]), former];
  const opened = async (file: Uint8Array, identities: readonly Identity[]): Promise<boolean> =>
    open(file, { identities, ignoreExpiry: true, now }).then(
      () => true,
      () => false,
    );
  let count = 0;
  for (const file of server) if (await opened(file, allowed)) count++;
  expect(count).toBe(0);
  // Key ids hide nothing: a sample with each key on every slot.
  const persistent = allowed.map(stubborn);
  for (const file of server.filter((_, i) => i % 200 === 0))
    expect(await opened(file, persistent)).toBe(false);
  // The held ones are kept: their new envelopes, with the stored content.
  for (const [i, envelope] of envelopes.entries()) {
    const file = server[i]!;
    const kept = Buffer.concat([envelope, file.subarray(inspect(file).envelopeLength)]);
    const { data } = await open(kept, { identities: rest[1]!.identity, holds, now });
    expect([...data]).toEqual([i]);
    expect(await opened(kept, [doomed!.identity])).toBe(false);
  }
  // The counter-check of the test itself: the doomed key would have opened them.
  expect(await opened(server.at(-1)!, [doomed!.identity])).toBe(true);
});
