import type { ChartSpec } from "./chart.js";
import type { Row } from "./row.js";
import type { Scale } from "./scale.js";

/** What one file in `groups/` exports as `group`: contenders that are measured together, in a process of their own. */
export interface Group {
  /** Over the table. */
  readonly title: string;
  /** A sentence or two under it: what is measured, what the ratio is to. */
  readonly about: string;
  /** Flags that the process needs, such as `--expose-gc`. */
  readonly nodeFlags?: readonly string[];
  /** Draws the rows that carry a `point`. */
  readonly chart?: ChartSpec;
  run(scale: Scale): Promise<readonly Row[] | Measured>;
}

/** For groups that measure something else than this Node. */
export interface Measured {
  readonly rows: readonly Row[];
  /** As `Chromium 156`. */
  readonly runtime: string;
}
