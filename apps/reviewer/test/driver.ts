/** In the page: does what a reviewer does, and tells what it saw. For browsers that a test can only open a page in. */
import type { AxeResults } from "axe-core";
import { overlaps } from "../../ui/test/overlaps.js";

export interface Seen {
  readonly verdict: string;
  readonly lines: number;
  /** Seconds of each video after a flag, and whether it has a picture. */
  readonly atFlag: readonly (readonly [time: number, hasPicture: boolean])[];
  /** Whether time went on after Play. */
  readonly hasPlayed: boolean;
  /** Pixels by which the page is wider than its window, without its scroll bar. */
  readonly excess: number;
  readonly overlaps: readonly string[];
  readonly violations: readonly string[];
}

declare const axe: { run(context: Document, options: object): Promise<AxeResults> };

const find = <E extends HTMLElement>(selector: string, text = ""): E | undefined =>
  [...document.querySelectorAll<E>(selector)].find((each) => each.textContent.includes(text));

/** Where an element is, for the message of a test that fails. */
const stateOf = ({
  currentTime,
  readyState,
  seeking,
  paused,
  error,
  buffered,
}: HTMLVideoElement): object => ({
  ...{ currentTime, readyState, seeking, paused, error: error?.message },
  buffered: Array.from({ length: buffered.length }, (_, n) => [buffered.start(n), buffered.end(n)]),
});

async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
  for (const end = performance.now() + 25_000; performance.now() < end; ) {
    const found = look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}; ${JSON.stringify(videos().map(stateOf))}; the page: ${document.body.innerText}`);
}

const click = async (text: string): Promise<void> =>
  (await until(() => find("button:not([disabled])", text), `no button ${text}`)).click();

function fill(name: string, value: string | readonly File[]): void {
  const input = find<HTMLInputElement>(`[name="${name}"]`)!;
  if (typeof value === "string") input.value = value;
  else {
    const transfer = new DataTransfer();
    for (const file of value) transfer.items.add(file);
    input.files = transfer.files;
  }
}

const videos = () => [...document.querySelectorAll("video")];

interface Given {
  /** In base64. */
  readonly identity: string;
  readonly publicHalf: string;
  readonly passphrase: string;
  readonly address: string;
}

async function review({ identity, publicHalf, passphrase, address }: Given): Promise<Seen> {
  await until(() => find('[name="files"]'), "no start");
  const bytes = Uint8Array.from(atob(identity), (letter) => letter.charCodeAt(0));
  fill("files", [new File([bytes], "institution.identity"), new File([publicHalf], "institution.pub.jwk")]);
  fill("passphrase", passphrase);
  await click("Use this key");
  await until(() => find('[name="address"]'), "no field for the address");
  fill("address", address);
  await click("Open the recording");
  await click("Check all of it");
  const verdict = await until(() => find("verdict-view strong", ":"), "no verdict");
  await until(
    () => videos().length === 2 && videos().every(({ readyState }) => readyState >= 2),
    "no pictures",
  );
  await click("Next flag");
  const isAtFlag = ({ currentTime, seeking }: HTMLVideoElement): boolean =>
    !seeking && Math.round(currentTime) === 3;
  await until(() => videos().every(isAtFlag), "not at the flag");
  const atFlag = videos().map(
    ({ currentTime, readyState }) => [Math.round(currentTime), readyState >= 2] as const,
  );
  const excess = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values } });
  videos().forEach((video) => {
    // Without a user's gesture, browsers play what cannot be heard.
    video.muted = true;
  });
  await click("Play");
  const hasPlayed = await until(
    () => videos().every(({ currentTime }) => currentTime > 4),
    "it does not play",
  );
  return {
    verdict: verdict.textContent,
    lines: document.querySelectorAll(".lines li").length,
    violations: violations.map(({ id }) => id),
    ...{ atFlag, hasPlayed, excess, overlaps: overlaps() },
  };
}

const given: unknown = Object.fromEntries(new URLSearchParams(location.search));
const tell = (told: object): Promise<Response> =>
  fetch("/told", { method: "POST", body: JSON.stringify(told) });
review(given as Given).then(tell, (error) => tell({ error: String(error) }));
