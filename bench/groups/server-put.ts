import { Agent, request } from "node:https";
import { fileURLToPath } from "node:url";
import { recordObjects, removeFolders, token } from "../../apps/server/test/fixture.js";
import { environment, type ServerProcess, startProcess, usageOf } from "../../apps/server/test/process.js";
import type { Group } from "../lib/group.js";
import { measure, resultOf } from "../lib/measure.js";
import { ratioAtLeast, throughputRow } from "../lib/row.js";

const MIB = 2 ** 20;
/** As a recorder's upload does. */
const AT_ONCE = 3;
const PUTS = 16;
/** Flushing takes its time from whatever else the disk does, so there are more and shorter rounds than elsewhere. */
const MORE_ROUNDS = 5;
const BARE = fileURLToPath(new URL("../lib/bare-put-server.ts", import.meta.url));
/** Of a segment's header (format-v1, "Segment"): where its index is. */
const INDEX_OFFSET = 26;

export const group: Group = {
  title: "Storing a segment",
  about:
    `Segments of 2 MiB over TLS into a folder on the disk, ${AT_ONCE} at a time, by \`apps/server\` in a process of its own: checked, encrypted at rest and flushed before they are acknowledged. ` +
    "The ratio is to the same server without check and encryption.",

  async run(scale) {
    const count = scale.count(PUTS);
    const segment = await segmentOf(2 * MIB);
    const servers: ServerProcess[] = [];
    try {
      const bare = await target(servers, BARE);
      const whole = await target(servers);
      await whole.put(segment.envelope, segment.envelopeBytes, segment.auth);
      const contender = (name: string, to: Target) => {
        let index = 0;
        const lane = async (until: number): Promise<void> => {
          while (index < until) {
            const { name: object, bytes } = segment.at(index++);
            await to.put(object, bytes, segment.auth);
          }
        };
        const run = async (): Promise<void> => {
          const until = index + count;
          await Promise.all(Array.from({ length: AT_ONCE }, () => lane(until)));
        };
        /** Milliseconds of a put. */
        const processor = () => ((usageOf(to.pid)?.processor ?? 0) - to.idle) / index;
        return { name, run, processor };
      };
      const contenders = [contender("without check and encryption", bare), contender("the server", whole)];
      const results = await measure(contenders, { rounds: MORE_ROUNDS * scale.rounds, sample: 0 });
      const total = count * segment.length;
      const reference = { bytes: total, result: resultOf(results, "without check and encryption") };
      const bareTime = contenders[0]!.processor();
      return [
        ...results.map((result) =>
          throughputRow(result.name, total, result, reference, {
            ...(result.name === "the server" ? { target: ratioAtLeast(0.6) } : {}),
          }),
        ),
        ...contenders.map(({ name, processor }) => ({
          what: `processor time of a segment, ${name}`,
          value: processor(),
          unit: "ms" as const,
          ...(bareTime > 0 ? { ratio: processor() / bareTime } : {}),
        })),
      ];
    } finally {
      for (const each of servers) await each.end("SIGKILL");
      removeFolders();
    }
  },
};

/** One segment, and the same under other indexes: nobody without keys can tell. */
async function segmentOf(length: number) {
  const { id, objects } = await recordObjects(length);
  const [name, bytes] = [...objects].find(([each]) => each.endsWith(".seg"))!;
  const envelope = `${id}/envelope`;
  return {
    auth: await token(id),
    envelope,
    envelopeBytes: objects.get(envelope)!,
    length: bytes.length,
    at(index: number) {
      const copy = Buffer.from(bytes);
      copy.writeUInt32BE(index, INDEX_OFFSET);
      return {
        name: name.replace("00000000.seg", `${index.toString(16).padStart(8, "0")}.seg`),
        bytes: copy,
      };
    },
  };
}

type Target = Awaited<ReturnType<typeof target>>;

async function target(servers: ServerProcess[], main?: string) {
  const { variables, cert } = environment({
    BLINDREEL_RECORDING_REQUESTS: "100000",
    BLINDREEL_RECORDING_RATE: "10000000",
    BLINDREEL_RECORDING_SIZE: "10000000",
  });
  const { port, child } = servers[servers.push(await startProcess(variables, main)) - 1]!;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE, ca: cert });
  return {
    pid: child.pid!,
    idle: usageOf(child.pid!)?.processor ?? 0,
    put: (name: string, body: Uint8Array, auth: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${auth}`, "content-length": body.length };
        const path = `/v1/recordings/${name}`;
        const sent = request({ host: "localhost", port, method: "PUT", path, headers, agent }, (response) => {
          response.resume();
          response.on("end", () =>
            response.statusCode === 201 ? resolve() : reject(new Error(`${response.statusCode}`)),
          );
        });
        sent.on("error", reject);
        sent.end(body);
      }),
  };
}
