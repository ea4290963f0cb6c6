/** The program of a page that keeps identities in its browser, in two rounds; the second is after a reload. */
import { open, seal } from "../../src/envelope/index.js";
import { isBlindreelError } from "../../src/errors.js";
import { changeProtection } from "../../src/keyset/change-protection.js";
import { type IdentityStore, identityStore } from "../../src/keyset/identity-store.js";
import { generateIdentity, type KeyIdentity } from "../../src/keywrap/import.js";
import { COST_FLOOR, passphraseIdentity, passphraseRecipient } from "../../src/keywrap/passphrase.js";
import { generateXWingIdentity, importXWingIdentity } from "../../src/keywrap/x-wing.js";

/** A name for each thing tried, and what came of it. */
export type StoreReport = Record<string, unknown>;

const CURVES = ["X25519", "P-256"] as const;
const [PASSPHRASE, OTHER] = ["keep it", "keep it better"];
const to = (passphrase: string) => passphraseRecipient(passphrase, { cost: COST_FLOOR });
const identities = (passphrase: string) => passphraseIdentity(passphrase);

async function codeOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    return (await action()) === undefined ? "undefined" : "no error";
  } catch (error) {
    return isBlindreelError(error) ? error.code : String(error);
  }
}

/** Whether a loaded identity opens what was sealed to the one that was saved. */
async function opens(identity: unknown, file: Uint8Array): Promise<boolean> {
  const { data } = await open(file, { identities: identity as KeyIdentity });
  return data.join() === "1,2,3";
}

const remember = (name: string, value: unknown): void => localStorage.setItem(name, JSON.stringify(value));
const remembered = <T>(name: string): T => JSON.parse(localStorage.getItem(name)!) as T;

async function first(store: IdentityStore): Promise<StoreReport> {
  const report: StoreReport = {};
  for (const curve of CURVES) {
    const identity = await generateIdentity({ curve } as { curve: "P-256" });
    const file = await seal(Uint8Array.of(1, 2, 3), { to: identity.recipient });
    const form = await store.save(identity, { to: to(PASSPHRASE) });
    report[`${curve} form`] = form;
    const { thumbprint } = identity;
    const loaded = await store.load(thumbprint, { identities: identities(PASSPHRASE) });
    report[`${curve} opens`] = await opens(loaded, file);
    report[`${curve} has no toJwk`] = !("toJwk" in loaded!);
    report[`${curve} without the passphrase`] = await codeOf(() => store.load(thumbprint));
    remember(curve, { thumbprint, file: [...file], form });
  }
  await sealedForms(store, report);
  report.listed = (await store.list()).length;
  await splices(report);
  await saves(report);
  return report;
}

async function sealedForms(store: IdentityStore, report: StoreReport): Promise<void> {
  const hybrid = await generateXWingIdentity();
  report["X-Wing form"] = await store.save(hybrid, { to: to(PASSPHRASE) });
  const load = (passphrase: string) =>
    store.load(hybrid.thumbprint, { identities: identities(passphrase), importKey: importXWingIdentity });
  report["X-Wing loads"] = (await load(PASSPHRASE))?.thumbprint === hybrid.thumbprint;
  await changeProtection(store.files, hybrid.thumbprint, {
    identities: identities(PASSPHRASE),
    to: to(OTHER),
    newIdentities: identities(OTHER),
    expected: hybrid.thumbprint,
    importKey: importXWingIdentity,
  });
  report["changed passphrase"] = (await load(OTHER))?.thumbprint === hybrid.thumbprint;
  report["old passphrase"] = await codeOf(() => load(PASSPHRASE));
  report["nothing to rename"] = await codeOf(() => store.files.rename("absent", hybrid.thumbprint));
  report["still there"] = (await load(OTHER))?.thumbprint === hybrid.thumbprint;
  report["X-Wing, nothing to seal to"] = await codeOf(async () => store.save(await generateXWingIdentity()));
  await store.remove(hybrid.thumbprint);
  report.removed = await codeOf(() => load(OTHER));
  const plain = await generateIdentity();
  report["sealed on demand"] = await store.save(plain, { form: "sealed", to: to(PASSPHRASE) });
  report["asks for the passphrase"] = await codeOf(() => store.load(plain.thumbprint));
  await store.remove(plain.thumbprint);
  report["never stored"] = await codeOf(() => store.load("0".repeat(64)));
}

/** F7: whoever writes to the store offers a pair of their own, or one half of one. */
async function splices(report: StoreReport): Promise<void> {
  const store = identityStore("spliced");
  const [own, other] = [
    await generateIdentity({ curve: "P-256" }),
    await generateIdentity({ curve: "P-256" }),
  ];
  for (const identity of [own, other])
    if ((await store.save(identity, { to: to(PASSPHRASE) })) !== "platform") return;
  const copy = (half: string) =>
    new Promise<void>((resolve) => {
      const request = indexedDB.open("spliced");
      request.onsuccess = () => {
        const transaction = request.result.transaction(half, "readwrite");
        const keys = transaction.objectStore(half);
        const found = keys.get(other.thumbprint);
        found.onsuccess = () => keys.put(found.result, own.thumbprint);
        transaction.oncomplete = () => {
          request.result.close();
          resolve();
        };
      };
    });
  await copy("private keys");
  report["private half of another"] = await codeOf(() => store.load(own.thumbprint));
  await copy("public keys");
  report["pair of another"] = await codeOf(() => store.load(own.thumbprint));
}

/** The key is in the store, in one form at least, when a sealed copy is saved while a platform key is read back. */
async function saves(report: StoreReport): Promise<void> {
  const store = identityStore("saves");
  const identity = await generateIdentity({ curve: "P-256" });
  const { thumbprint } = identity;
  const sealing = { form: "sealed", to: to(PASSPHRASE) } as const;
  const { exportKey } = SubtleCrypto.prototype;
  let meanwhile: unknown;
  SubtleCrypto.prototype.exportKey = async function (this: SubtleCrypto, ...args: never[]) {
    SubtleCrypto.prototype.exportKey = exportKey;
    meanwhile = await store.save(identity, sealing);
    return exportKey.apply(this, args as never);
  } as never;
  await store.save(identity, { to: to(PASSPHRASE) });
  report["saved meanwhile"] = meanwhile;
  const unlocking = { identities: identities(PASSPHRASE) };
  report["two saves at once"] = (await store.load(thumbprint, unlocking))?.thumbprint === thumbprint;
  await store.save(identity, sealing);
  const leftOver = `${thumbprint}.0011223344556677.new`;
  const neighbour = `${thumbprint}0`;
  for (const file of [leftOver, neighbour]) await store.files.write(file, Uint8Array.of(1));
  await store.remove(thumbprint);
  report["left over after removal"] = await codeOf(() => store.files.read(leftOver));
  report["of another name"] = await codeOf(() => store.files.read(neighbour));
  report["after both"] = await codeOf(() => store.load(thumbprint, unlocking));
}

async function second(store: IdentityStore): Promise<StoreReport> {
  const report: StoreReport = {};
  for (const curve of CURVES) {
    const { thumbprint, file, form } = remembered<{ thumbprint: string; file: number[]; form: string }>(
      curve,
    );
    const options = form === "sealed" ? { identities: identities(PASSPHRASE) } : {};
    report[`${curve} opens`] = await opens(await store.load(thumbprint, options), Uint8Array.from(file));
    await store.remove(thumbprint);
    report[`${curve} removed`] = await codeOf(() => store.load(thumbprint, options));
  }
  report.listed = (await store.list()).length;
  return report;
}

async function run(): Promise<StoreReport> {
  try {
    return await (location.pathname === "/second.html" ? second : first)(identityStore());
  } catch (error) {
    return { failed: `${error} ${(error as Error).stack}` };
  }
}

void run().then((report) => fetch("/report", { method: "POST", body: JSON.stringify(report) }));
