import { Hono } from "hono";
import { stream } from "hono/streaming";
import type { Metrics } from "./observe.js";
import type { Ledger } from "./retention/ledger.js";

/** Milliseconds for which the store's last answer counts. */
const READY_FOR = 5000;

/**
 * For the operator, on a port of its own: `/metrics`; `/healthz`, whether the process answers; `/readyz`, whether it should get
 * requests: the store answers, and nobody is stopping it; `/ledger`, what was deleted.
 */
export function createAdmin(
  metrics: Metrics,
  ready: { probe(): Promise<void>; isStopping(): boolean },
  ledger: Ledger,
): Hono {
  const app = new Hono();
  let last: { readonly at: number; readonly result: Promise<boolean> } | undefined;
  const answers = (): Promise<boolean> => {
    if (!last || Date.now() - last.at > READY_FOR)
      last = {
        at: Date.now(),
        result: ready.probe().then(
          () => true,
          () => false,
        ),
      };
    return last.result;
  };
  app.get("/metrics", async (context) => {
    context.header("Content-Type", metrics.registry.contentType);
    return context.body(await metrics.registry.metrics());
  });
  app.get("/ledger", (context) =>
    stream(context, async (output) => {
      for await (const line of ledger.lines()) await output.write(`${line}\n`);
    }),
  );
  app.get("/healthz", (context) => context.text("ok"));
  app.get("/readyz", async (context) => {
    if (ready.isStopping()) return context.text("stopping", 503);
    return (await answers()) ? context.text("ok") : context.text("the store does not answer", 503);
  });
  return app;
}
