export {};

/** Milliseconds. The extension's worker ends when it rests, and the port with it. */
const AGAIN = 1000;
const LOOK_EVERY = 5000;

const { exam, extension, institution, root, name } = /** @type {HTMLElement} */ (
  document.getElementById("exam")
).dataset;

/** @param {string} text */
function say(text) {
  const place = /** @type {HTMLElement} */ (document.getElementById("recorder"));
  if (place.textContent !== text) place.textContent = text;
}

/** @param {string} recordingId @param {string} coreHash */
function show(recordingId, coreHash) {
  const id = `r-${recordingId}`;
  if (document.getElementById(id)) return;
  const item = document.createElement("li");
  item.id = id;
  item.textContent = `Recording ${recordingId}, ${coreHash}`;
  document.getElementById("recordings")?.append(item);
}

/** @returns {Promise<boolean>} whether the LMS has it now. @param {string} recordingId @param {string} coreHash */
async function announce(recordingId, coreHash) {
  for (;;) {
    const answer = await fetch(`/exams/${exam}/recordings`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ recordingId, coreHash }),
    }).catch(() => undefined);
    if (answer?.ok) return true;
    if (answer && answer.status < 500) return false;
    say("The course system does not answer. It is asked again.");
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
}

/** Whether the recorder was there since this page was loaded. */
let wasThere = false;

/** Chromium gives it to pages that an extension names. */
const { runtime } = /** @type {any} */ (globalThis).chrome ?? {};

function connect() {
  const port = runtime.connect(extension, { name: "lms" });
  port.onMessage.addListener(async (/** @type {any} */ message) => {
    say("The recorder is there.");
    if (message?.type !== "recording" || message.exam !== exam) return;
    const { recordingId, coreHash } = message;
    if (await announce(recordingId, coreHash)) {
      show(recordingId, coreHash);
      say("The recorder is there, and your institution knows of this recording.");
      try {
        port.postMessage({ type: "pinned", recordingId, coreHash });
      } catch {
        // It ended meanwhile; connected again, it says so again.
      }
    } else say("Your institution did not take this recording. Tell the instructor.");
  });
  port.onDisconnect.addListener(() => {
    const isMissing = /establish/i.test(runtime.lastError?.message ?? "");
    if (isMissing && wasThere)
      say(
        "The recorder has stopped. Press “Reload” in the browser's message, or close the browser and open it again: the exam goes on.",
      );
    else if (isMissing) say("The recorder does not answer. Add the extension, or switch it on.");
    else wasThere = true;
    setTimeout(connect, isMissing ? LOOK_EVERY : AGAIN);
  });
  port.postMessage({ type: "institution", institution, root, name });
}

if (runtime?.connect) connect();
else say("The recorder is not in this browser. Add the extension, then load this page again.");
