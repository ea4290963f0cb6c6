import { runAndReport, taskOf } from "./run-cases.js";

/** A page that does the task of its address itself, or gives it to a worker of the kind named in `where`. */
const { where, ...task } = taskOf(location.search);

async function serviceWorker(): Promise<ServiceWorker> {
  const registration = await navigator.serviceWorker.register("service-worker.js", { type: "module" });
  const ready = await navigator.serviceWorker.ready;
  return (ready.active ?? registration.active)!;
}

async function start(): Promise<void> {
  if (where === "page") await runAndReport(task);
  else if (where === "dedicated worker") new Worker("worker.js", { type: "module" }).postMessage(task);
  else if (where === "shared worker")
    new SharedWorker("worker.js", { type: "module" }).port.postMessage(task);
  else (await serviceWorker()).postMessage(task);
}

void start();
