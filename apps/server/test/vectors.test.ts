import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { createServer } from "../src/app.js";
import { Retention } from "../src/retention/retention.js";
import { openFolder } from "../src/store/folder.js";
import { folder, MEMORY, recordObjects, removeFolders, token, verifyToken } from "./fixture.js";

afterAll(removeFolders);

/**
 * What shows without a key in the published vectors, object by object: an object of another recording, number or kind than its
 * name says, cut, too long, or of an unknown version. The other faults lie behind encryption, and the reader finds them.
 */
const REFUSED = `
  A2-manifest-cut-in-header manifest-00000000 truncated
  A2-manifest-cut-in-stream-head manifest-00000000 truncated
  A2-manifest-no-stream-length manifest-00000000 truncated
  A2-page-cut page-00000000 truncated
  A5-header-of-another-index 0001/00000000.seg malformed
  A5-header-of-another-recording 0001/00000000.seg wrong-recording
  A5-header-of-another-track 0001/00000000.seg malformed
  A5-manifest-of-another-recording manifest-00000000 wrong-recording
  A5-manifest-sequence-altered manifest-00000000 malformed
  A5-page-of-another-recording page-00000000 wrong-recording
  D10-manifest-as-page page-00000000 wrong-kind
  D10-page-as-manifest manifest-00000000 wrong-kind
  D4-header-unknown-flag 0001/00000000.seg unsupported-algorithm
  D4-header-version 0001/00000000.seg unsupported-version
  D4-manifest-magic manifest-00000000 not-an-envelope
  D4-manifest-version manifest-00000000 unsupported-version
  D4-page-magic page-00000000 not-an-envelope
  D4-page-version page-00000000 unsupported-version
  D6-manifest-not-padded manifest-00000000 malformed
  D7-page-above-ceiling page-00000000 limit-exceeded
  H3-cut-and-altered-head 0001/00000000.seg truncated
  H3-segment-cut-in-head 0002/00000000.seg truncated
  H3-segment-empty 0002/00000000.seg not-an-envelope
  H4-behind-open-of-another-index 0001/00000003.seg malformed
  H4-behind-open-of-another-recording 0001/00000003.seg wrong-recording
  H4-behind-open-padded-cut 0001/00000003.seg truncated
  H4-behind-open-torn 0001/00000003.seg truncated
  H4-behind-open-track-0 0000/00000003.seg malformed
  H4-segments-swapped 0001/00000000.seg malformed
  H4-segments-swapped 0001/00000002.seg malformed
  H4-unlisted-below-highest 0001/00000001.seg malformed
  H4-unlisted-track-under-final 0003/00000000.seg malformed
  H4-unlisted-under-final 0001/00000003.seg malformed
  L1-lost-index-is-there 0001/00000001.seg malformed
  L1-page-behind-final page-00000000 not-an-envelope
  L1-page-emptied page-00000000 not-an-envelope
  L1-page-under-another-number page-00000000 malformed
  L1-two-pages-swapped page-00000000 malformed
  L1-two-pages-swapped page-00000001 malformed
  L2-unlisted-where-no-page-can-list 0001/00000002.seg malformed
  L4-resealed-under-second-name manifest-00000004 malformed
  L4-two-finals-of-one-sequence manifest-00000007 malformed
  L4-two-statements-of-one-sequence manifest-00000007 malformed
  L7-receipt-of-checkpoint receipt malformed
  L7-receipt-too-long receipt malformed
  L7-receipt-with-a-part receipt wrong-kind
  L7-witness-count-too-high receipt truncated
  L7-witness-time-above-2-to-the-53 receipt malformed
  L7-witness-twice receipt malformed
  L7-witnesses-out-of-order receipt malformed
  ok-other-names receipt not-an-envelope
  ok-refused-segment-half-there 0001/00000000.seg truncated
`;

const FOLDER = fileURLToPath(new URL("../../../test/vectors/", import.meta.url));

const someRecording = await recordObjects(10);

interface Vector {
  readonly name: string;
  readonly fields: (key: string) => string[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

function* vectors(below: string): Generator<Vector> {
  for (const file of readdirSync(FOLDER + below).sort()) {
    const raw = readFileSync(`${FOLDER}${below}/${file}`);
    const end = raw.indexOf("\n\n");
    const lines = raw.subarray(0, end).toString().split("\n");
    const fields = (key: string) =>
      lines.filter((line) => line.startsWith(`${key}: `)).map((line) => line.slice(key.length + 2));
    yield { name: file.replace(/\.vector$/, ""), fields, bytes: new Uint8Array(raw.subarray(end + 2)) };
  }
}

/** @param holds a recording whose envelope is there already; any will do. */
const server = async (holds?: string) => {
  const store = await openFolder(folder(MEMORY));
  const retention = await Retention.open(store);
  const envelope = someRecording.objects.get(`${someRecording.id}/envelope`)!;
  if (holds) await store.create(`${holds}/envelope`, [envelope], { length: envelope.length });
  const now = () => new Date(1_790_000_000_000);
  const app = createServer({
    store,
    verifyToken,
    retention,
    now,
    admission: { envelope() {}, segment() {} },
  });
  return async (name: string, body: Uint8Array<ArrayBuffer>): Promise<{ status: number; code?: string }> => {
    const auth = await token(name.slice(0, 32));
    const headers = { authorization: `Bearer ${auth}`, "content-length": `${body.length}` };
    const response = await app.request(`/v1/recordings/${name}`, { method: "PUT", body, headers });
    return { status: response.status, ...(await response.json()) };
  };
};

test("of the published recordings every object is stored or refused, with the reason that its fault has", async () => {
  const expected = new Map(
    REFUSED.trim()
      .split("\n")
      .map((line) => line.trim().split(" ") as [string, string, string])
      .map(([vector, object, code]) => [`${vector} ${object}`, code]),
  );
  const refused = new Map<string, string>();
  let stored = 0;
  for (const { name, fields, bytes } of vectors("recordings")) {
    if (fields("kind")[0] === "excerpt") continue;
    const put = await server(fields("kind")[0] === "receipt" ? fields("recording-id")[0] : undefined);
    let offset = 0;
    for (const line of fields("object")) {
      const [object, length] = line.split(" ") as [string, string];
      const body = bytes.slice(offset, offset + Number(length));
      offset += body.length;
      const { status, code } = await put(`${fields("recording-id")[0]}/${object}`, body);
      if (status === 201) stored++;
      else refused.set(`${name} ${object}`, code!);
      if (status === 413) expect(code).toBe("limit-exceeded");
      else if (status !== 201) expect([404, 422], `${name} ${object}`).toContain(status);
    }
  }
  const unnamed = [...refused].filter(([, code]) => code === "no-such-name").map(([object]) => object);
  expect(unnamed.map((object) => object.split(" ")[0])).toEqual(unnamed.map(() => "ok-other-names"));
  for (const object of unnamed) refused.delete(object);
  expect(refused).toEqual(expected);
  expect(stored).toBeGreaterThan(700);
}, 60_000);

test.each(["files", "identities", "statements", "access"])(
  "nothing of %s is an object of a recording, under no name",
  async (below) => {
    const id = "0123456789abcdef0123456789abcdef";
    const put = await server(id);
    const names = ["envelope", "0001/00000000.seg", "manifest-00000000", "page-00000000", "receipt"];
    let count = 0;
    for (const { name, bytes, fields } of vectors(below)) {
      for (const object of names) {
        const { status, code } = await put(`${id}/${object}`, bytes);
        expect([413, 422], `${name} as ${object}`).toContain(status);
        expect([
          "wrong-kind",
          "wrong-recording",
          "not-an-envelope",
          "malformed",
          "truncated",
          "limit-exceeded",
          "unsupported-version",
          "unsupported-algorithm",
        ]).toContain(code);
        count++;
      }
      expect(fields("expect").length).toBe(1);
    }
    expect(count).toBeGreaterThan(100);
  },
  60_000,
);
