import type { Peer, PreparedPeer } from "../peers/peer.js";
import { type Contender, measure } from "./measure.js";
import { type Row, ratioAtLeast, throughputRow } from "./row.js";
import type { Scale } from "./scale.js";
import { join, recut, samplePiece } from "./streams.js";

/** Pieces in which every contender is fed. */
const PIECE = 64 * 1024;

/**
 * Seals and opens with each of `peers` in turns; the first is ours. Ratios say how many times its throughput ours is.
 *
 * @param bare the limit, for each direction.
 */
export async function peerRows(
  peers: readonly Peer[],
  bare: { readonly seal: Contender; readonly open: Contender },
  total: number,
  scale: Scale,
): Promise<Row[]> {
  const piece = samplePiece(PIECE);
  const pieces = Array.from({ length: total / PIECE }, () => piece);
  const sealing: Contender[] = [];
  const opening: Contender[] = [];
  for (const { name, prepare } of peers) {
    const peer = await prepare();
    const sealed = await sealedBy(peer, pieces);
    sealing.push({ name, run: () => counted(total, (sink) => peer.seal(pieces, sink)) });
    opening.push({ name, run: () => counted(total, (sink) => peer.open(sealed, sink)) });
  }
  const rows: Row[] = [];
  for (const [verb, contenders] of [
    ["seal", [...sealing, { ...bare.seal, name: "bare" }]],
    ["open", [...opening, { ...bare.open, name: "bare" }]],
  ] as const) {
    const results = await measure(contenders, scale);
    const ours = { bytes: total, result: results[0]! };
    for (const result of results) {
      const row = throughputRow(`${verb}, ${result.name}`, total, result, ours);
      const timesFaster = 1 / row.ratio!;
      const target = peers.find(({ name }) => name === result.name)?.target;
      rows.push({
        ...row,
        ratio: timesFaster,
        ...(target ? { target: ratioAtLeast(target) } : {}),
        point: { series: verb, x: result.name },
      });
    }
  }
  return rows;
}

async function sealedBy(peer: PreparedPeer, pieces: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const sealed: Uint8Array[] = [];
  // Some hand out views of memory that they use again.
  await peer.seal(pieces, (part) => sealed.push(part.slice()));
  return peer.keepsMessages ? sealed : recut([join(sealed)], PIECE);
}

async function counted(
  atLeast: number,
  run: (sink: (piece: Uint8Array) => void) => Promise<void>,
): Promise<void> {
  let bytes = 0;
  await run(({ length }) => {
    bytes += length;
  });
  if (bytes < atLeast) throw new Error(`only ${bytes} of ${atLeast} bytes came out`);
}
