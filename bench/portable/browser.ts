import { type ScaleName, scaleOf } from "../lib/scale.js";
import { SUITES, type SuiteName } from "./suites.js";

/** In a page: runs the suite that the address asks for and posts what it found. */
const query = new URLSearchParams(location.search);

async function run(): Promise<unknown> {
  try {
    const suite = SUITES[query.get("suite") as SuiteName];
    return { rows: await suite(scaleOf(query.get("scale") as ScaleName)), agent: navigator.userAgent };
  } catch (error) {
    return { error: String((error as Error).stack ?? error) };
  }
}

run().then((found) => fetch("/result", { method: "POST", body: JSON.stringify(found) }));
