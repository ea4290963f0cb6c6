import { type ExportableIdentity, openFrom, sealFrom } from "blindreel";

const LENGTH = 256 * 2 ** 20;
const PIECE = 512 * 1024;
const ROUNDS = 5;

/** Medians over several rounds, in MB/s (10^6 bytes). */
export interface Throughput {
  readonly length: number;
  readonly rounds: number;
  readonly seal: number;
  readonly open: number;
}

/** Seals and opens a stream held in memory: no disk, no network, all bytes authenticated. */
export async function measure(identity: ExportableIdentity): Promise<Throughput> {
  const piece = new Uint8Array(PIECE).fill(0x5a);
  const plaintext: Uint8Array[] = new Array(LENGTH / PIECE).fill(piece);
  const sealTimes: number[] = [];
  const openTimes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sealed: Uint8Array[] = [];
    sealTimes.push(
      await timed(async () => {
        for await (const chunk of sealFrom(plaintext, { to: identity.recipient })) sealed.push(chunk);
      }),
    );
    let opened = 0;
    openTimes.push(
      await timed(async () => {
        for await (const chunk of openFrom(sealed, { identities: identity })) opened += chunk.length;
      }),
    );
    if (opened !== LENGTH) throw new Error(`${opened} of ${LENGTH} bytes were opened`);
  }
  return { length: LENGTH, rounds: ROUNDS, seal: rate(sealTimes), open: rate(openTimes) };
}

async function timed(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

function rate(times: number[]): number {
  const median = times.sort((left, right) => left - right)[Math.floor(times.length / 2)]!;
  return LENGTH / median / 1e6;
}
