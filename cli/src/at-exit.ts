import type { CliCode } from "./exit-codes.js";

/** What has to be undone however the process ends: temporary files, a hidden cursor. Must be synchronous. */
const cleanups = new Set<() => void>();

/** Runs `cleanup` when the process exits. @returns a function that takes it off the list. */
export function atExit(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

function cleanUp(): void {
  for (const cleanup of cleanups) {
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
export function installExitHandlers(onSignal: (code: CliCode, signal: string) => never): void {
  process.on("exit", cleanUp);
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      cleanUp();
      onSignal(code, signal);
    });
  }
}
