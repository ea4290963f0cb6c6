import { type DestinationStream, type Logger, pino } from "pino";
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { Answer } from "./app.js";
import type { Sweep } from "./retention/retention.js";

/** Logs in lines of JSON on standard output, or where it is told. No field of them says who, from where, or which recording. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: {}, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/** An error without its message, which may hold a path, a name or a part of a request. */
export function faultFields(error: unknown): Record<string, string> {
  if (!(error instanceof Error)) return { type: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    ...(typeof code === "string" ? { code } : {}),
    frames: frames.slice(0, 8).join("\n"),
  };
}

/** Counts for Prometheus. */
export interface Metrics {
  readonly registry: Registry;
  observe(answer: Answer): void;
  /** @param sweep undefined for one that failed. */
  observeSweep(sweep: Sweep | undefined): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const answers = new Counter({
    name: "blindreel_answers_total",
    help: "Answers by method, kind of object, status and, for refusals, code",
    labelNames: ["method", "object", "status", "code"] as const,
    registers,
  });
  const seconds = new Histogram({
    name: "blindreel_answer_seconds",
    help: "Time until an answer's head",
    labelNames: ["method", "object"] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers,
  });
  const stored = new Counter({
    name: "blindreel_stored_bytes_total",
    help: "Bytes of objects that were stored for the first time",
    registers,
  });
  const deleted = new Counter({
    name: "blindreel_deleted_recordings_total",
    help: "Recordings that were deleted",
    registers,
  });
  const sweeps = new Counter({
    name: "blindreel_sweeps_total",
    help: "Searches for what has to be deleted, by how they ended",
    labelNames: ["result"] as const,
    registers,
  });
  return {
    registry,
    observeSweep(sweep) {
      sweeps.inc({ result: sweep ? "done" : "failed" });
      if (sweep) deleted.inc(sweep.deleted);
    },
    observe({ method, object, status, code = "", bytes, milliseconds }) {
      answers.inc({ method, object, status, code });
      seconds.observe({ method, object }, milliseconds / 1000);
      if (method === "PUT" && status === 201) stored.inc(bytes);
    },
  };
}
