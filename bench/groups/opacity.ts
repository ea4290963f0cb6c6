import { bytesSource, generateIdentity, inspect, seal, sealFrom } from "blindreel";
import { assertOpaque, auditOpacity } from "blindreel/opacity";
import { inspectStructure, uploadStream } from "blindreel/server";
import { bareSealing } from "../lib/bare-node.js";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { ratioAtLeast, ratioAtMost, throughputRow, timeRow, valueAtMost } from "../lib/row.js";
import { collect, drain, join, repeat } from "../lib/streams.js";
import { worstInputs } from "../lib/worst-inputs.js";

const KIB = 1024;
const MIB = 2 ** 20;

const COPYING = "bare stream copying";
const VALIDATOR = "uploadStream";
const RANDOM = "random bytes";

const CANARIES = [
  ...["Jo Miller", "candidate-0012", "jo.miller@example.org", "algebra-2, winter term", "seat 12, room 4"],
  ...["Is question 3 about primes?", "I am done.", "b7f3a5c2-5d7e", "Zürich, Bahnhofstrasse 1", "focus lost"],
];

/** Both ways of copying get the same pieces of the same file, and a sink that keeps nothing. */
export const validator: Group = {
  title: "Checking an upload's structure",
  about: "The ratio is to the same pieces through a stream that does nothing, 64 KiB each.",
  async run(scale) {
    const { recipient } = await generateIdentity();
    const total = scale.bytes(256 * MIB);
    const file = join(await collect(sealFrom(repeat(new Uint8Array(MIB), total / MIB), { to: recipient })));
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < file.length; at += 64 * KIB) pieces.push(file.subarray(at, at + 64 * KIB));
    const upload = () => {
      let next = 0;
      return new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          const piece = pieces[next++];
          if (piece) controller.enqueue(piece);
          else controller.close();
        },
      });
    };
    const results = await measure(
      [
        { name: COPYING, run: () => drain(upload().pipeThrough(new TransformStream())) },
        { name: VALIDATOR, run: () => drain(upload().pipeThrough(uploadStream())) },
      ],
      scale,
    );
    const reference = { bytes: total, result: resultOf(results, COPYING) };
    let read = 0;
    const memory = bytesSource(file);
    await inspectStructure({
      size: () => memory.size(),
      read(start, end) {
        read += end - start;
        return memory.read(start, end);
      },
    });
    return [
      ...results.map((result) => {
        const target = result.name === VALIDATOR ? { target: ratioAtLeast(0.7) } : {};
        return throughputRow(result.name, total, result, reference, target);
      }),
      {
        what: "inspectStructure reads beside the envelope",
        value: read - inspect(file).envelopeLength,
        unit: "bytes",
        target: valueAtMost(64 * KIB),
      },
    ];
  },
};

export const audit: Group = {
  title: "Auditing what is stored",
  about: "`assertOpaque` with ten canaries. The ratio is to sealing by bare `node:crypto`.",
  async run(scale) {
    const { recipient } = await generateIdentity();
    const total = scale.bytes(64 * MIB);
    const file = await seal(new Uint8Array(total), { to: recipient });
    const results = await measure(
      [
        bareSealing(total),
        { name: "assertOpaque, ten canaries", run: () => assertOpaque(file, { canaries: CANARIES }) },
      ],
      scale,
    );
    const reference = { bytes: total, result: resultOf(results, "bare") };
    return results.map((result) => {
      const target = result.name === "bare" ? {} : { target: ratioAtLeast(0.05) };
      return throughputRow(result.name, total, result, reference, target);
    });
  },
};

export const worst: Group = {
  title: "Auditing the worst inputs",
  about:
    "The body of a sealed file replaced by what gives a check most to do. Ratios are to random bytes of the same length, in time.",
  async run(scale) {
    const { recipient } = await generateIdentity();
    const file = await seal(new Uint8Array(scale.bytes(4 * MIB)), { to: recipient });
    const head = inspect(file).envelopeLength + 86;
    const contenders = Object.entries(worstInputs(file.length - head, CANARIES)).map(([name, content]) => ({
      name,
      run: () => auditOpacity(join([file.subarray(0, head), content]), { canaries: CANARIES }),
    }));
    const random = { name: RANDOM, run: () => auditOpacity(join([file]), { canaries: CANARIES }) };
    const results = await measure([random, ...contenders], scale);
    const reference = { result: resultOf(results, RANDOM) };
    return results.map((result) => {
      const target = result.name === RANDOM ? {} : { target: ratioAtMost(2) };
      return timeRow(result.name, { unit: "ms" }, result, reference, target);
    });
  },
};
