import type { CryptoProvider } from "blindreel/crypto";
import { webCryptoProvider } from "blindreel/crypto";
import { bareWebCrypto } from "../lib/bare-web.js";
import { openingForms, PULL, pushOpening, sealingForms } from "../lib/forms.js";
import { type Contender, measure, type Result, resultOf } from "../lib/measure.js";
import { peerRows } from "../lib/peer-rows.js";
import { PLAIN, plainContender } from "../lib/plain-transform.js";
import { type Row, ratioAtLeast, throughputRow } from "../lib/row.js";
import type { Scale } from "../lib/scale.js";
import { samplePiece } from "../lib/streams.js";
import { blindreel } from "../peers/blindreel.js";
import { encryptWebStreams } from "../peers/encrypt-web-streams.js";
import { typage } from "../peers/typage.js";

/** What is measured inside every runtime, by the runtime's own WebCrypto. Nothing here is Node's. */
export const SUITES = { forms, pieces, depth, peers } as const;
export type SuiteName = keyof typeof SUITES;

const KIB = 1024;
const MIB = 2 ** 20;
const VERBS = ["seal", "open"] as const;
const PIECES = [4, 16, 64, 256, 1024];
const CALLS_IN_FLIGHT = [1, 2, 4, 8, 16, 32];

/** Every form in pieces of 64 KiB. */
async function forms(scale: Scale): Promise<Row[]> {
  const total = scale.bytes(64 * MIB);
  const piece = samplePiece(64 * KIB);
  const workload = { piece, count: total / piece.length, crypto: webCryptoProvider };
  const rows: Row[] = [];
  for (const verb of VERBS) {
    const ours =
      verb === "seal"
        ? await sealingForms(workload)
        : [...(await openingForms(workload)), ...(await pushOpening(workload))];
    const plain = await plainContender(verb, workload);
    const results = await measure([...(await bareWebCrypto(verb, total)), plain, ...ours], scale);
    rows.push(...rowsOf(verb, total, results), timesPlain(verb, total, results));
  }
  return rows;
}

/** How many times the throughput of the simplest code that does the same the pull form has. */
function timesPlain(verb: string, total: number, results: readonly Result[]): Row {
  const reference = { bytes: total, result: resultOf(results, PLAIN) };
  const what = `${verb}, pull, to the plain transform`;
  return throughputRow(what, total, resultOf(results, PULL), reference, { target: ratioAtLeast(1.3) });
}

/** The pull form by size of pieces. */
async function pieces(scale: Scale): Promise<Row[]> {
  const total = scale.bytes(32 * MIB);
  const rows: Row[] = [];
  for (const verb of VERBS) {
    const ours: Contender[] = [];
    for (const size of PIECES) {
      const piece = samplePiece(size * KIB);
      ours.push({ ...(await pullForm(verb, { piece, count: total / piece.length })), name: `${size} KiB` });
    }
    const results = await measure([...(await bareWebCrypto(verb, total)), ...ours], scale);
    for (const row of rowsOf(verb, total, results)) {
      const size = Number(/(\d+) KiB$/.exec(row.what)?.[1]);
      rows.push(size ? { ...row, point: { series: verb, x: size } } : row);
    }
  }
  return rows;
}

/** The pull form in pieces of 64 KiB, by the number of calls in flight. */
async function depth(scale: Scale): Promise<Row[]> {
  const total = scale.bytes(32 * MIB);
  const piece = samplePiece(64 * KIB);
  const rows: Row[] = [];
  for (const verb of VERBS) {
    const ours: Contender[] = [];
    for (const callsInFlight of CALLS_IN_FLIGHT) {
      const crypto: CryptoProvider = { ...webCryptoProvider, callsInFlight };
      const workload = { piece, count: total / piece.length, crypto };
      ours.push({ ...(await pullForm(verb, workload)), name: `stream, ${callsInFlight} in flight` });
    }
    const results = await measure([...(await bareWebCrypto(verb, total)), ...ours], scale);
    for (const row of rowsOf(verb, total, results)) {
      const calls = Number(/stream, (\d+) in flight$/.exec(row.what)?.[1]);
      rows.push(calls ? { ...row, point: { series: verb, x: calls } } : row);
    }
  }
  return rows;
}

/** Peers that run in browsers. */
async function peers(scale: Scale): Promise<Row[]> {
  const total = scale.bytes(32 * MIB);
  const bare = {
    seal: (await bareWebCrypto("seal", total)).at(-1)!,
    open: (await bareWebCrypto("open", total)).at(-1)!,
  };
  return peerRows([blindreel, { ...typage, target: 5 }, encryptWebStreams], bare, total, scale);
}

async function pullForm(
  verb: "seal" | "open",
  workload: Parameters<typeof sealingForms>[0],
): Promise<Contender> {
  const all = verb === "seal" ? await sealingForms(workload) : await openingForms(workload);
  return all.find(({ name }) => name === PULL)!;
}

/** Ratios are to the bare loop at the depth that is best in this run. */
function rowsOf(verb: string, total: number, results: readonly Result[]): Row[] {
  const bare = results.filter(({ name }) => name.startsWith("bare"));
  const best = bare.reduce((left, right) => (right.median < left.median ? right : left));
  const reference = { bytes: total, result: best };
  return results.map((result) => throughputRow(`${verb}, ${result.name}`, total, result, reference));
}
