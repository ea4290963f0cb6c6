import { html } from "hono/html";

/** What people see of this server: that their launch arrived, or why it did not. */

type Html = ReturnType<typeof html>;

/** A page's policy: its own script and style, and nothing that may be sent from it. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const page = (title: string, attributes: Html | string, main: Html): Html => html`<!doctype html>
<html lang="en" ${attributes}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/lti/page.css">
</head>
<body><main>${main}</main></body>
</html>`;

export const launchPage = (code: string, extension: string): Html =>
  page(
    "Your exam",
    html`data-code="${code}" data-extension="${extension}"`,
    html`<h1>Your exam</h1>
<p id="waiting" role="status">Your exam is being handed to the recorder in your browser.</p>
<p id="sent" role="status" hidden>The recorder has your exam. It goes on in the recorder's own tab; you may close this one.</p>
<div id="missing" role="alert" hidden>
<p>The recorder did not answer: it is not in this browser, or it is switched off. Nothing is being recorded.</p>
<p>Add the extension as your institution describes it, or switch it on, and start the exam again from your course.</p>
</div>
<noscript><p>JavaScript is switched off for this page, so the exam cannot be handed to the recorder.</p></noscript>
<script src="/lti/launch.js"></script>`,
  );

const AGAIN = "Go back to your course and start the exam again.";

const SENTENCES: Readonly<Record<string, string>> = {
  "launch-unknown":
    "This exam comes from a course system that this recorder does not know. Tell your institution.",
  "launch-invalid":
    "What your course system sent is not signed by it, or not meant for this recorder. Tell your institution.",
  "launch-incomplete":
    "Your course system did not say which exam this is, or who takes it. Tell your institution.",
  "launch-nonce": `What arrived is the answer to another start of an exam. ${AGAIN}`,
  "launch-state": `This start of an exam was not begun here. ${AGAIN}`,
  "launch-cookie": `This start of an exam was begun in another browser, or your browser keeps no cookies of this page. ${AGAIN}`,
  "launch-expired": `This start of an exam is too old, or the clock of your course system is wrong. ${AGAIN}`,
  "launch-replayed": `This start of an exam was used before. ${AGAIN}`,
  "launch-declined": `Your course system did not let you in: you may have been signed out. Sign in there. ${AGAIN}`,
  "address-rate":
    "Too many exams are being started from your network at this moment. Wait a minute, then start the exam again from your course.",
  "launch-down":
    "Your course system does not answer at the moment. Wait a minute, then start the exam again from your course.",
};

/** @param requestId by which the operator finds this answer in the logs. */
export const refusalPage = (code: string, requestId: string): Html =>
  page(
    "The exam did not start",
    "",
    html`<h1>The exam did not start</h1>
<p role="alert">${SENTENCES[code] ?? `Something went wrong on our side. ${AGAIN}`} Nothing is being recorded.</p>
<p>If you report this, give these: <code>${code}</code>, <code>${requestId}</code></p>`,
  );

/** Hands the code to the extension. Chromium gives `chrome.runtime` to pages which an extension names as its own senders alone. */
export const LAUNCH_SCRIPT = `"use strict";
const root = document.documentElement;
const { code, extension } = root.dataset;
delete root.dataset.code;
const show = (id) => {
  for (const each of ["waiting", "sent", "missing"]) document.getElementById(each).hidden = each !== id;
};
const runtime = globalThis.chrome?.runtime;
if (!runtime?.sendMessage) show("missing");
else
  runtime.sendMessage(extension, { type: "launch", server: location.origin, code }, () => {
    // A recorder that takes it need not answer.
    const reason = runtime.lastError?.message ?? "";
    show(/establish|invalid/i.test(reason) ? "missing" : "sent");
  });
`;

export const PAGE_STYLE = `:root { color-scheme: light dark; font: 1.125rem/1.6 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 36rem; margin: 0 auto; padding: 1.5rem; }
code { overflow-wrap: anywhere; }
`;
