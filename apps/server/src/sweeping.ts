import type { Logger } from "pino";
import { faultFields, type Metrics } from "./observe.js";
import type { Retention, Sweep } from "./retention/retention.js";

/** Of a sweep that another server made. */
const NOTHING: Sweep = { deleted: 0, held: 0, late: 0 };

export interface Sweeping {
  readonly retention: Retention;
  /** Sweeps the papers, behind the recordings and on the same server. @returns how many were deleted. */
  readonly papers: (signal: AbortSignal) => Promise<number>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Sweeps at once and then again and again. What a sweep that fails has left, the next one does. */
export function sweepEvery(milliseconds: number, { retention, papers, metrics, log }: Sweeping) {
  const stopping = new AbortController();
  let running = Promise.resolve();
  const run = async (): Promise<void> => {
    try {
      const sweep = await retention.sweep({ signal: stopping.signal });
      const deletedPapers = sweep ? await papers(stopping.signal) : 0;
      metrics.observeSweep(sweep ?? NOTHING);
      if (sweep && sweep.deleted + deletedPapers > 0)
        log.info({ ...sweep, papers: deletedPapers }, "deleted");
    } catch (error) {
      metrics.observeSweep(undefined);
      log.error(faultFields(error), "the sweep failed");
    }
  };
  const next = (): void => {
    running = running.then(run);
  };
  next();
  const timer = setInterval(next, milliseconds);
  return {
    async stop(): Promise<void> {
      clearInterval(timer);
      stopping.abort();
      await running;
    },
  };
}
