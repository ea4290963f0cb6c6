import { abort } from "./abort.js";
import { capabilitiesHere, capabilitiesOfContext } from "./capabilities.js";
import { errors } from "./errors.js";
import { openFromOthers, sealForOthers } from "./exchange.js";
import type { Case } from "./kit.js";
import { ownVectorCases } from "./own-vectors.js";
import { published } from "./published.js";
import { randomAccess } from "./random-access.js";
import { recordings } from "./recordings.js";
import { roundTrips } from "./round-trips.js";
import { seeks } from "./seeks.js";
import { streams } from "./streams.js";

/** The first round in every runtime: everything that needs no other runtime, and the files for the others. */
export const firstRound: readonly Case[] = [
  ...published,
  ...ownVectorCases,
  ...roundTrips,
  ...streams,
  ...randomAccess,
  ...recordings,
  ...seeks,
  ...abort,
  ...errors,
  capabilitiesHere,
  sealForOthers,
];

/** In workers, extensions and pages with policies, where the engine is the same as in its own first round. */
export const contextRound: readonly Case[] = [
  ...roundTrips,
  ...streams,
  ...randomAccess,
  ...recordings,
  ...abort,
  ...errors,
  capabilitiesOfContext,
  sealForOthers,
];

/** The second round, when all runtimes have been through the first. */
export const secondRound: readonly Case[] = [openFromOthers];

/** Where every operation is the fallback's: all that depends on the implementation of the algorithms. */
export const fallbackRound: readonly Case[] = [
  ...published,
  ...ownVectorCases.slice(0, 1),
  ...roundTrips,
  ...randomAccess,
  ...recordings,
  ...errors,
  capabilitiesHere,
  sealForOthers,
];
