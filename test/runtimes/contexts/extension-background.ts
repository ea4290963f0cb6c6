import { registerFallback } from "blindreel/fallback";
import { runAndReport, type Task } from "./run-cases.js";

/** The extension's service worker: does its own task, then opens the offscreen document, which does another. */
interface Chrome {
  readonly runtime: { getURL(path: string): string };
  readonly offscreen: {
    createDocument(options: { url: string; reasons: string[]; justification: string }): Promise<void>;
  };
}
declare const chrome: Chrome;

registerFallback();

async function start(): Promise<void> {
  const response = await fetch(chrome.runtime.getURL("task.json"));
  const task = (await response.json()) as Task;
  await runAndReport({ ...task, name: "chromium extension's service worker" });
  const query = { ...task, where: "page", name: "chromium extension's offscreen document" };
  const url = `page.html?${new URLSearchParams(query)}`;
  await chrome.offscreen.createDocument({ url, reasons: ["BLOBS"], justification: "to test in it" });
}

void start();
