import type { CDPSession } from "playwright";

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name?: string };
  /** Microseconds of the processor. */
  readonly tdur?: number;
}

/** The longest task of pages' main threads while `action` runs, in milliseconds of the processor: what other programs took does not count. */
export async function longestTask<T>(
  cdp: CDPSession,
  action: () => Promise<T>,
): Promise<{ readonly result: T; readonly longest: number }> {
  const events: TraceEvent[] = [];
  const add = ({ value }: { value: object[] }): void => void events.push(...(value as TraceEvent[]));
  cdp.on("Tracing.dataCollected", add);
  await cdp.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["toplevel"] },
  });
  const result = await action();
  const complete = new Promise((resolve) => cdp.once("Tracing.tracingComplete", resolve));
  await cdp.send("Tracing.end");
  await complete;
  cdp.off("Tracing.dataCollected", add);
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const isMain = ({ name, args }: TraceEvent): boolean =>
    name === "thread_name" && args.name === "CrRendererMain";
  const main = new Set(events.filter(isMain).map(threadOf));
  const tasks = events.filter((event) => main.has(threadOf(event)) && event.name.endsWith("RunTask"));
  if (tasks.length === 0) throw new Error("the trace has no tasks of a page");
  return { result, longest: tasks.reduce((most, { tdur = 0 }) => Math.max(most, tdur), 0) / 1000 };
}
