import type { CliCode } from "./exit-codes.js";

/** What has to be undone however the process ends: temporary files, a hidden cursor. Must be synchronous. */
const cleanups = new Set<() => void>();

/** Runs `cleanup` when the process exits. @returns a function that takes it off the list. */
export function atExit(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/** The last first: a folder can be removed when the files in it are gone. */
function cleanUp(): void {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch {
      // The process is ending: the others still get their turn.
    }
  }
  cleanups.clear();
}

const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, CliCode>>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupted",
  SIGTERM: "terminated",
};

/**
 * Installs the cleaning up. A signal ends the process at once, wherever it waits: what is temporary is removed, so
 * there is nothing to finish first.
 *
 * @param onSignal reports, and ends the process.
 */
export function installExitHandlers(onSignal: (code: CliCode, signal: NodeJS.Signals) => never): void {
  process.on("exit", cleanUp);
  for (const [name, code] of Object.entries(SIGNALS)) {
    const signal = name as NodeJS.Signals;
    process.on(signal, () => {
      cleanUp();
      // From here on the system's own action: it ends a process whose exit waits for something.
      process.removeAllListeners(signal);
      onSignal(code, signal);
    });
  }
}

/** What an exit waits for and nothing can cancel: a resolver's thread. Files are read by threads too, but do not stall. */
export function isExitDelayed(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith("GetAddrInfo"));
}
