import { html } from "hono/html";
import { type Exam, TRACKS } from "./exams.js";
import { PEOPLE, type Person } from "./people.js";

type Html = ReturnType<typeof html>;

const page = (title: string, main: Html, person?: Person): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><nav aria-label="Courses"><a href="/">Courses</a> ${
  person && html`<span>${person.name}</span> <a href="/sign-in?again">Somebody else</a>`
}</nav></header>
<main><h1>${title}</h1>
${main}</main>
</body>
</html>`;

export const errorPage = (code: string, description: string): Html =>
  page("That did not work", html`<p role="alert">${description}</p><p><code>${code}</code></p>`);

/** A stand-in asks for no password. */
export const signInPage = (uid: string): Html =>
  page(
    "Who are you?",
    html`<p>This course system is for trying things out: choose a name.</p>
<form method="post" action="/interaction/${uid}">
${PEOPLE.map(
  ({ id, name, role }) => html`<p><button name="person" value="${id}">${name}</button> ${role}</p>
`,
)}</form>`,
  );

export const examsPage = (exams: readonly Exam[], person: Person): Html =>
  page(
    "Courses",
    html`<ul>${exams.map(({ id, title }) => html`<li><a href="/exams/${id}">${title}</a></li>`)}</ul>`,
    person,
  );

/** What the page tells extension and server. */
export interface ExamLink {
  readonly issuer: string;
  readonly tool: string;
  readonly toolId: string;
  readonly deployment: string;
  readonly extensionId: string;
  readonly institution: string;
  readonly root: string;
  readonly name: string;
  readonly reviewer: string;
}

/** A test taker's: it stays open while the exam's own tab records, and passes the pin on. */
export function studentPage(exam: Exam, person: Person, link: ExamLink): Html {
  const launch = {
    iss: link.issuer,
    login_hint: person.id,
    target_link_uri: `${link.tool}/lti/launch`,
    lti_message_hint: exam.id,
    client_id: link.toolId,
    lti_deployment_id: link.deployment,
  };
  const main = html`<p>This exam records: ${exam.tracks.join(", ") || "no camera, screen or microphone"}.
The recorder tells you more, and asks you, before anything is recorded.</p>
<form method="post" action="${link.tool}/lti/login" target="_blank" rel="noopener">
${Object.entries(launch).map(
  ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">
`,
)}<button>Start the exam</button>
</form>
<p>Leave this page open until the exam has ended: by it ${link.name} learns of your recording, and by nobody else.</p>
<div id="exam" data-exam="${exam.id}" data-extension="${link.extensionId}" data-institution="${link.institution}"
 data-root="${link.root}" data-name="${link.name}">
<p id="recorder" role="status">Looking for the recorder.</p>
<ul id="recordings" aria-label="Recordings that ${link.name} knows of"></ul>
</div>
<script type="module" src="/exam.js"></script>`;
  return page(exam.title, main, person);
}

export const staffPage = (exam: Exam, person: Person): Html =>
  page(
    exam.title,
    html`<p><a href="/exams/${exam.id}/recordings">Recordings</a></p>
${
  person.role === "instructor" &&
  html`<form method="post" action="/exams/${exam.id}/choices">
<fieldset><legend>What is recorded</legend>
${TRACKS.map(
  (track) => html`<p><label><input type="checkbox" name="tracks" value="${track}"${
    exam.tracks.includes(track) ? " checked" : ""
  }> ${track}</label></p>
`,
)}</fieldset>
<p><label><input type="checkbox" name="guardian" value="true"${exam.guardian ? " checked" : ""}> A guardian consents too</label></p>
<button>Save</button>
</form>`
}`,
    person,
  );

export function recordingsPage(exam: Exam, person: Person, { tool, reviewer }: ExamLink): Html {
  const address = (id: string): string =>
    `${reviewer}#${new URLSearchParams({ address: `${tool}/v1/recordings/${id}/` })}`;
  const rows = [...exam.recordings.values()].map(
    ({ recordingId, coreHash, at, who }) => html`<li><dl>
<dt>Recording</dt><dd><a href="${address(recordingId)}"><code>${recordingId}</code></a></dd>
<dt>Hash announced when it began (coreHash)</dt><dd><code>${coreHash}</code></dd>
<dt>Announced</dt><dd><time datetime="${at}">${at}</time> by ${who}</dd>
</dl></li>
`,
  );
  const list = rows.length === 0 ? html`<p>None was announced yet.</p>` : html`<ol>${rows}</ol>`;
  return page(`${exam.title}: recordings`, list, person);
}

export const STYLE = `:root { color-scheme: light dark; font: 1.125rem/1.6 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 44rem; padding: 0 1rem 2rem; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 0 1.5rem; padding: 1rem 0; }
a { color: light-dark(#0b57d0, #a8c7fa); }
button { font: inherit; padding: 0.4rem 1rem; }
dd { margin: 0 0 0.5rem; }
`;
