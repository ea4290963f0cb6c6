import { it } from "vitest";
import { COUNT, firstOf, TIMEOUT, walkFrom } from "./walking.js";

const first = firstOf(1);

it.skipIf(process.env["BLINDREEL_SEED"])(
  `walks ${COUNT} times from seed ${first} on`,
  () => walkFrom(first),
  TIMEOUT,
);
