import { randomUUID } from "node:crypto";
import { open, seal } from "blindreel";
import { generateSigningKey } from "blindreel/keyset";
import type { RecordingReview } from "blindreel/review";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { PASSPHRASE, signedIn, signInOn, startWorld, type World } from "../../admin/test/world.js";
import { DAY, removeFolders, token } from "../../server/test/fixture.js";
import { expectForEverybody } from "../../ui/test/look.js";
import { openPage, says } from "../../ui/test/page.js";
import { sealNote } from "../src/notes.js";
import { useKey } from "./page.js";

describeChromium("a recording of the server, by the institution's sign-in", () => {
  let world: World;
  let browser: BrowserContext;
  beforeAll(async () => {
    world = await startWorld("reviewer");
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
    removeFolders();
  });

  it("is refused without one, and opens and is checked with one; the token goes to the server alone", async () => {
    const page = await openPage({ server: world.page, complaints: world.complaints }, browser);
    const { id, coreHash } = world.recordings[0]!;
    await useKey(page, world.institution.buckets[0]!.identity);
    await page.getByLabel("Address of the recording").fill(`${world.server}v1/recordings/${id}/`);
    await page.getByLabel("Announced fingerprint").fill(coreHash);
    await page.getByRole("button", { name: "Open the recording" }).click();
    await says(page, "The server does not let you read this. Sign in again");
    expect(world.complaints.splice(0).every((each) => each.includes("401"))).toBe(true);

    const bearers = new Set<string>();
    page.on("request", (request) => {
      if (request.headers().authorization) bearers.add(new URL(request.url()).origin);
    });
    await signInOn(page, "Kim");
    await page.getByRole("button", { name: "Open the recording" }).click();
    await page.getByRole("button", { name: "Check all of it" }).click();
    await page.getByText("Your recording is complete.").waitFor();
    await page.getByText("hello from algebra-2").waitFor();

    // A reply: nobody but the test taker opens it, who reads it by the recording's own token.
    await page.getByRole("textbox", { name: "Reply" }).fill("You may use a calculator.");
    await page.getByRole("button", { name: "Seal and send" }).click();
    const name = await page.locator("reply-form [role=status] code").innerText();
    const claims = { institution: world.institution.id };
    const headers = { authorization: `Bearer ${await token(id, "upload", { claims })}` };
    const replies = `${world.server}v1/recordings/${id}/replies`;
    expect(await (await fetch(replies, { headers })).json()).toEqual({ names: [name] });
    const sealed = new Uint8Array(await (await fetch(`${replies}/${name}`, { headers })).arrayBuffer());
    const { data } = await open(sealed, { identities: world.taker });
    expect(JSON.parse(new TextDecoder().decode(data))).toEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      text: "You may use a calculator.",
    });
    await expect(open(sealed, { identities: world.institution.buckets[0]!.identity })).rejects.toMatchObject({
      code: "no-matching-key",
    });

    // A note, to the institution: at the server, and not readable by the test taker.
    const person = world.institution.people.kim;
    const form = page.locator("note-form");
    await form.getByLabel("Key file").setInputFiles([...person.files]);
    await form.getByLabel("Passphrase, if").fill(PASSPHRASE);
    await form.getByRole("button", { name: "Use this key" }).click();
    await form.getByLabel("Text").fill("Looked at minute 12.");
    await form.getByRole("button", { name: "Sign, seal and send" }).click();
    await form.getByText("Stored, sealed, as").waitFor();
    expect((await fetch(`${world.server}v1/recordings/${id}/notes`, { headers })).status).toBe(403);
    const earlier = form.locator("xpath=following-sibling::earlier-notes");
    await earlier.getByText(`Signed by ${person.holder}`).waitFor();
    await earlier.getByText("Looked at minute 12.").waitFor();
    expect([...bearers]).toEqual([new URL(world.server).origin]);
    expect(page.url()).toBe(world.page.url);
    expect(world.complaints).toEqual([]);
    await page.close();
  });

  it("earlier notes are opened, with whose they are; what others put in their place is not taken for theirs", async () => {
    const { institution } = world;
    const { id, coreHash } = world.recordings[1]!;
    const { kim, sam } = institution.people;
    const stranger = await generateSigningKey();
    const policy = { institution: institution.id, expiresAt: new Date(Date.now() + DAY) };
    const review = { recordingId: id, coreHash, policy } as RecordingReview;
    const note = { kind: "determination", text: "Nothing happened.", at: new Date() } as const;
    const to = institution.keyset;
    /** Kim's words and name by another key: the server can make this. */
    const posing = { ...kim.key, thumbprint: kim.key.thumbprint, sign: stranger.sign.bind(stranger) };
    const notes = [
      await sealNote(note, review, { signer: kim.key, to }),
      await sealNote({ ...note, kind: "note", text: "I see it too." }, review, { signer: sam.key, to }),
      await sealNote({ ...note, text: "canary: a stranger" }, review, { signer: stranger, to }),
      await sealNote({ ...note, text: "canary: forged" }, review, { signer: posing as never, to }),
      await sealNote(note, { ...review, recordingId: "0".repeat(32) } as never, { signer: kim.key, to }),
      await sealNote(note, review, { signer: kim.key, to: world.taker.recipient }),
      await seal(Buffer.from("canary: no note"), { to, policy }),
    ];
    const auth = await token(id, "read", { claims: { institution: institution.id } });
    for (const body of notes) {
      const address = `${world.server}v1/recordings/${id}/notes/note-${randomUUID()}.reel`;
      const headers = { authorization: `Bearer ${auth}` };
      expect((await fetch(address, { method: "PUT", headers, body })).status).toBe(201);
    }
    // A browser whose WebCrypto has no Ed25519: whose the notes are is found out all the same.
    await browser.addInitScript(() => {
      const { importKey } = SubtleCrypto.prototype;
      SubtleCrypto.prototype.importKey = function (this: SubtleCrypto, ...given: unknown[]) {
        if (JSON.stringify(given[2]).includes("Ed25519"))
          return Promise.reject(new DOMException("no Ed25519", "NotSupportedError"));
        return Reflect.apply(importKey, this, given);
      } as typeof importKey;
    });
    const page = await signedIn(world, browser, "Sam");
    await useKey(page, institution.buckets[0]!.identity);
    await page.getByLabel("Address of the recording").fill(`${world.server}v1/recordings/${id}/`);
    await page.getByRole("button", { name: "Open the recording" }).click();
    const items = page.locator("earlier-notes li");
    await expect.poll(() => items.count()).toBe(notes.length);
    const told = (await items.allInnerTexts()).map((item) =>
      item.replace(/.*(Signed|Not of|Somebody|It is of|Sealed|It cannot)/s, "$1").split("\n"),
    );
    expect(told.map(([line]) => line!.replace(/note-[-0-9a-f]+\.reel/, "NAME")).sort()).toEqual(
      [
        `Signed by ${kim.holder}`,
        `Signed by ${sam.holder}`,
        `Not of somebody whom the present directory names: a former member of staff, or anybody else. Key: ${stranger.thumbprint}`,
        "Somebody put it there in another person's name. Do not believe it: NAME",
        "It is of another recording, and was put here: NAME",
        "Sealed to a key that is not the one you use. The bucket's opens it: NAME",
        "It cannot be read, and is no note that this page would write: NAME",
      ].sort(),
    );
    const shown = await page.locator("earlier-notes").innerText();
    for (const text of ["Nothing happened.", "I see it too."]) expect(shown.split(text)).toHaveLength(2);
    expect(shown).not.toContain("canary");
    await page.getByText("Show it all the same").click();
    await page.getByText("canary: a stranger").waitFor();
    await expectForEverybody(page);
    expect(world.complaints).toEqual([]);
  });
});
