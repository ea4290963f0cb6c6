import { open } from "blindreel";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeChromium, launchChromium } from "../../../test/helpers/browsers.js";
import { PASSPHRASE, signInOn, startWorld, type World } from "../../admin/test/world.js";
import { removeFolders, token } from "../../server/test/fixture.js";
import { openPage, says } from "../../ui/test/page.js";
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
    expect([...bearers]).toEqual([new URL(world.server).origin]);
    expect(page.url()).toBe(world.page.url);
    expect(world.complaints).toEqual([]);
  });
});
