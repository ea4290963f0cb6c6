import { tellChanged } from "./channel.js";
import type { Policy } from "./institution.js";
import { MANAGED } from "./manifest.js";
import { Problem, problemOf } from "./problems.js";
import { type Launch, redeem, timesOf } from "./server.js";
import { all, type Exam, put, update } from "./store.js";

/** Wakes for messages of vendor and LMS, and keeps the recorder's document alive. It holds nothing that has to survive. */

const EXAM_PAGE = "exam.html";
/** Minutes after which a recorder that is gone is made anew, where no page has done it before. */
const WATCH = 0.5;

async function policy(): Promise<Policy> {
  return chrome.storage.managed.get([...MANAGED]).catch(() => ({}));
}

let creating: Promise<void> | undefined;

async function ensureRecorder(): Promise<void> {
  const contexts = await chrome.runtime.getContexts({
    contextTypes: [chrome.runtime.ContextType.OFFSCREEN_DOCUMENT],
  });
  if (contexts.length > 0) return;
  const { USER_MEDIA, DISPLAY_MEDIA } = chrome.offscreen.Reason;
  creating ??= chrome.offscreen
    .createDocument({
      url: "offscreen.html",
      reasons: [USER_MEDIA, DISPLAY_MEDIA],
      justification: "records the exam",
    })
    .finally(() => {
      creating = undefined;
    });
  await creating;
}

/** Where an exam is not at its end, its recorder is there. */
async function watch(): Promise<boolean> {
  const isNeeded = (await all("exams")).length > 0;
  if (isNeeded) {
    await chrome.alarms.create("watch", { periodInMinutes: WATCH });
    await ensureRecorder();
  } else await chrome.alarms.clear("watch");
  return isNeeded;
}

/** To the page that is open, else to a new one. */
async function showPage(problem = ""): Promise<void> {
  const url = chrome.runtime.getURL(EXAM_PAGE);
  const pages = await chrome.runtime.getContexts({ contextTypes: [chrome.runtime.ContextType.TAB] });
  const open = pages.find(({ documentUrl }) => documentUrl?.startsWith(url));
  const fragment = problem && `#problem=${problem}`;
  if (open) await chrome.tabs.update(open.tabId, { active: true, ...(problem && { url: url + fragment }) });
  else await chrome.tabs.create({ url: url + fragment });
}

/** A launch page's message: redeemed once, from the page's own server. @throws Problem. */
async function launch(message: unknown, sender: chrome.runtime.MessageSender): Promise<void> {
  const { type, server, code } = (message ?? {}) as Readonly<Record<string, unknown>>;
  if (type !== "launch" || typeof code !== "string" || typeof server !== "string" || sender.origin !== server)
    throw new Problem("launch-refused", "message");
  const allowed = (await policy()).server;
  if (allowed !== undefined && allowed !== server) throw new Problem("other-server", server);
  const launched = await redeem(server, code);
  const given = { ...launched, server, ...timesOf(launched.launch) };
  const known = (await all("exams")).find((each) => isSame(each, given) && each.phase !== "stored");
  if (known) await update(known.key, ({ phase }) => (phase === "launched" ? given : renewed(given)));
  else {
    const key = crypto.randomUUID();
    await put("exams", key, { ...given, key, phase: "launched", recordings: [], files: 0 });
  }
}

const isSame = (one: Exam, other: Launch & Pick<Exam, "server">): boolean =>
  (["server", "institution", "exam", "subject", "lms"] as const).every((name) => one[name] === other[name]);

/** Of an exam that is being recorded, what was consented to stays. */
const renewed = ({
  launch,
  launchEnds,
  skew,
}: Pick<Exam, "launch" | "launchEnds" | "skew">): Partial<Exam> => ({
  launch,
  launchEnds,
  skew,
});

chrome.runtime.onMessageExternal.addListener((message, sender, respond) => {
  (async () => {
    const problem = await launch(message, sender).then(() => undefined, problemOf);
    await showPage(problem?.kind);
    if (await watch()) tellChanged();
    respond(problem ? { problem: problem.kind } : { ok: true });
  })();
  return true;
});

const ports = new Set<chrome.runtime.Port>();

/** Recordings that the LMS has not taken note of. */
async function announce(port: chrome.runtime.Port): Promise<void> {
  for (const { lms, exam, recordings } of await all("exams"))
    for (const { recordingId, coreHash, isPinned } of recordings)
      if (lms === port.sender?.origin && !isPinned)
        port.postMessage({ type: "recording", exam, recordingId, coreHash });
}

const isHex = (value: unknown, bytes: number): value is string =>
  typeof value === "string" && value.length === 2 * bytes && /^[0-9a-f]+$/.test(value);

async function hear(message: unknown, port: chrome.runtime.Port): Promise<void> {
  const { type, ...given } = (message ?? {}) as Readonly<Record<string, unknown>>;
  const origin = port.sender?.origin ?? "";
  if (type === "institution") {
    const { institution, root, name } = given;
    if (!isHex(institution, 16) || !isHex(root, 32)) return;
    const allowed = (await policy()).lms;
    if (allowed !== undefined && allowed !== origin) return;
    const shown = typeof name === "string" && name.length <= 200 ? { name } : {};
    await chrome.storage.session.set({ [origin]: { institution, root, ...shown } });
    await announce(port);
  } else if (type === "pinned") {
    for (const { key, lms } of await all("exams"))
      if (lms === origin)
        await update(key, ({ recordings }) => ({
          recordings: recordings.map((each) =>
            each.recordingId === given.recordingId && each.coreHash === given.coreHash
              ? { ...each, isPinned: true }
              : each,
          ),
        }));
  } else return;
  tellChanged();
}

chrome.runtime.onConnectExternal.addListener((port) => {
  if (port.name !== "lms") return port.disconnect();
  ports.add(port);
  port.onDisconnect.addListener(() => ports.delete(port));
  port.onMessage.addListener((message) => void hear(message, port));
});

let hasUpdate = false;

chrome.runtime.onMessage.addListener(
  ({ type, lms = "" }: { readonly type: string; readonly lms?: string }, _sender, respond) => {
    (async () => {
      if (type === "trust")
        return { policy: await policy(), told: (await chrome.storage.session.get(lms))[lms] };
      if (type === "announce") for (const port of ports) await announce(port);
      if (type === "over" && !(await watch())) {
        if (hasUpdate) chrome.runtime.reload();
        await chrome.offscreen.closeDocument();
      }
      return type === "recorder" && watch();
    })().then(respond, () => respond(undefined));
    return true;
  },
);

/** An update waits for the end of the exam. */
chrome.runtime.onUpdateAvailable.addListener(async () => {
  hasUpdate = true;
  if ((await all("exams")).length === 0) chrome.runtime.reload();
});

/** After a restart, an update or a kill: people see that it is recorded. */
async function goOn(): Promise<void> {
  if (await watch()) await showPage();
}
chrome.runtime.onStartup.addListener(goOn);
chrome.runtime.onInstalled.addListener(goOn);
chrome.alarms.onAlarm.addListener(watch);
chrome.action.onClicked.addListener(() => showPage());
