import * as blindreel from "blindreel";
import { drain, pattern, readableOf } from "./bytes.js";
import { store } from "./data.js";
import { type Case, caught, equal, failsWith, isTrue, within } from "./kit.js";

const PIECE = pattern(20_000);

/** A stream without end that remembers what it was cancelled with. */
function endless() {
  const cancelled: unknown[] = [];
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    { pull: (controller) => controller.enqueue(PIECE.slice()), cancel: (why) => void cancelled.push(why) },
    { highWaterMark: 0 },
  );
  return { stream, cancelled };
}

async function sealedPieces(count: number) {
  const identity = await blindreel.generateIdentity();
  return { identity, file: await blindreel.seal(pattern(count * 16_384), { to: identity.recipient }) };
}

export const abort: readonly Case[] = [
  {
    name: "a signal that was aborted before stops every operation with its reason",
    async run() {
      const { identity, file } = await sealedPieces(3);
      const reason = new Error("no longer wanted");
      const signal = AbortSignal.abort(reason);
      const to = identity.recipient;
      const options = { identities: identity, signal };
      await failsWith(() => blindreel.seal(PIECE, { to, signal }), reason, "seal");
      await failsWith(() => blindreel.open(file, options), reason, "open");
      await failsWith(() => blindreel.openSource(blindreel.bytesSource(file), options), reason, "openSource");
      await failsWith(
        () => blindreel.rewrap(file.slice(0, blindreel.inspect(file).envelopeLength), { ...options, to }),
        reason,
      );
      for (const stream of [
        blindreel.sealFrom([PIECE], { to, signal }),
        blindreel.openFrom([file], options),
      ]) {
        const { error, released } = await drain(() => stream);
        isTrue(error === reason, "a stream fails with the reason");
        equal(released.length, 0, "released");
      }
    },
  },
  {
    name: "aborting in the middle stops the source and releases nothing more",
    async run() {
      const { recipient } = await blindreel.generateIdentity();
      const { stream, cancelled } = endless();
      const controller = new AbortController();
      const reader = blindreel.sealFrom(stream, { to: recipient, signal: controller.signal }).getReader();
      await reader.read();
      const reason = new Error("enough");
      controller.abort(reason);
      const rest = drainReader(reader);
      isTrue(
        (await within(
          5000,
          "the stream",
          caught(() => rest),
        )) === reason,
        "the reader gets the reason",
      );
      await settled();
      equal(cancelled.length, 1, "cancellations of the source");
      isTrue(cancelled[0] === reason, "the source gets the reason");
    },
  },
  {
    name: "cancelling what comes out stops the source, for both directions and both forms",
    async run() {
      const { identity, file } = await sealedPieces(20);
      for (const form of ["from", "pipe"] as const) {
        const { stream, cancelled } = endless();
        const sealing =
          form === "from"
            ? blindreel.sealFrom(stream, { to: identity.recipient })
            : stream.pipeThrough(blindreel.sealStream({ to: identity.recipient }));
        const reader = sealing.getReader();
        await reader.read();
        await within(5000, `cancel, ${form}`, reader.cancel("enough"));
        await settled();
        equal(cancelled, ["enough"], form);
      }
      let returned = 0;
      async function* pieces() {
        try {
          for (let i = 0; i < file.length; i += 1000) yield file.slice(i, i + 1000);
        } finally {
          returned++;
        }
      }
      const opening = blindreel.openFrom(pieces(), { identities: identity }).getReader();
      await opening.read();
      await within(5000, "cancel of an iterator", opening.cancel());
      equal(returned, 1, "returns of the iterator");
    },
  },
  {
    name: "aborting a pipe's writable fails its readable, and a failed source fails the stream",
    async run() {
      const { identity, file } = await sealedPieces(20);
      const reason = new Error("source broke");
      const opening = blindreel.openStream({ identities: identity });
      const writer = opening.writable.getWriter();
      const reading = drain(() => opening.readable);
      await writer.write(file.slice(0, 100_000));
      await writer.abort(reason);
      isTrue((await within(5000, "the readable", reading)).error === reason, "the readable has the reason");
      const broken = readableOf(brokenAfter(file.slice(0, 100_000), reason));
      const { error, released } = await drain(() => blindreel.openFrom(broken, { identities: identity }));
      isTrue(error === reason, "the source's error comes through");
      equal(released.length % 16_384, 0, "whole chunks only");
    },
  },
  {
    name: "aborting a read from a server that does not answer",
    async run(host) {
      const { identity, file } = await sealedPieces(20);
      const url = await store(host, "slow", file);
      let isSlow = false;
      const source = blindreel.httpSource(() => new Request(isSlow ? `${url}?fault=silence` : url));
      const opened = await blindreel.openSource(source, { identities: identity });
      isSlow = true;
      const controller = new AbortController();
      const reading = opened.read(0, 50_000, { signal: controller.signal });
      const reason = new Error("seeked elsewhere");
      setTimeout(() => controller.abort(reason), 50);
      await failsWith(() => within(5000, "the read", reading), reason);
      isSlow = false;
      equal((await opened.read(0, 50_000)).length, 50_000, "the source still works");
    },
  },
];

function* brokenAfter(piece: Uint8Array<ArrayBuffer>, reason: Error): Generator<Uint8Array<ArrayBuffer>> {
  yield piece;
  throw reason;
}

async function drainReader(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}

/** Lets pending callbacks run. */
const settled = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 20));
