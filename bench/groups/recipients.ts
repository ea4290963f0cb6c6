import { generateIdentity, type KeyRecipient, seal } from "blindreel";
import * as hpke from "hpke";
import type { Group } from "../lib/group.js";
import { longestHold } from "../lib/longest-hold.js";
import { type Contender, measure, resultOf } from "../lib/measure.js";
import { type Row, timeRow, valueAtMost } from "../lib/row.js";
import type { Scale } from "../lib/scale.js";

const COUNTS = [1, 10, 100, 1000];
const BLINDREEL = "blindreel";
const HPKE = "hpke package";

const KEMS = {
  X25519: hpke.KEM_DHKEM_X25519_HKDF_SHA256,
  "P-256": hpke.KEM_DHKEM_P256_HKDF_SHA256,
} as const;

export const group = recipientsOn("X25519");
export const p256 = recipientsOn("P-256");

function recipientsOn(curve: keyof typeof KEMS): Group {
  return {
    title: `Recipients, ${curve}`,
    about:
      "A file of 16 bytes sealed to many, envelope and all, and the `hpke` package wrapping one key for each with the same algorithms. The ratio is how many times its time ours takes.",
    chart: { kind: "lines", x: "recipients" },
    run: (scale) => measureRecipients(curve, scale),
  };
}

async function measureRecipients(curve: keyof typeof KEMS, scale: Scale): Promise<Row[]> {
  const suite = new hpke.CipherSuite(KEMS[curve], hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_256_GCM);
  const counts = COUNTS.map((full) => (scale.name === "smoke" ? Math.min(full, 3) : full));
  const most = Math.max(...counts);
  const recipients: KeyRecipient[] = [];
  for (let i = 0; i < most; i++) recipients.push((await generateIdentity({ curve })).recipient);
  const theirs = await Promise.all(recipients.map(({ publicKey }) => suite.DeserializePublicKey(publicKey)));
  const data = new Uint8Array(16);
  const key = new Uint8Array(32).fill(7);
  const toAll = (count: number) => seal(data, { to: recipients.slice(0, count) });
  const contenders: Contender[] = COUNTS.flatMap((full, i) => {
    const count = counts[i]!;
    return [
      { name: `${BLINDREEL} ${full}`, run: () => toAll(count) },
      {
        name: `${HPKE} ${full}`,
        run: () => Promise.all(theirs.slice(0, count).map((publicKey) => suite.Seal(publicKey, key))),
      },
    ];
  });
  const results = await measure(contenders, scale);
  const rows: Row[] = COUNTS.flatMap((full) => {
    const reference = { result: resultOf(results, `${HPKE} ${full}`) };
    return [HPKE, BLINDREEL].map((series) => {
      const isAsked = series === BLINDREEL && full === 1000;
      return timeRow(
        `${full} recipients, ${series}`,
        { unit: "ms" },
        resultOf(results, `${series} ${full}`),
        reference,
        {
          point: { series, x: full },
          ...(isAsked ? { target: { of: "ratio", atMost: 0.2 } } : {}),
        },
      );
    });
  });
  const holds: number[] = [];
  for (let round = 0; round < scale.rounds; round++) holds.push(await longestHold(() => toAll(most)));
  holds.sort((left, right) => left - right);
  return [
    ...rows,
    {
      what: "longest hold of the event loop, 1000 recipients",
      value: holds[Math.floor(holds.length / 2)]!,
      unit: "ms",
      target: valueAtMost(50),
      times: holds,
    },
  ];
}
