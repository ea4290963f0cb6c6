import { it } from "vitest";
import { COUNT, firstOf, TIMEOUT, walkFrom } from "./walking.js";

const first = firstOf(0);

it(`walks ${COUNT} times from seed ${first} on`, () => walkFrom(first), TIMEOUT);
