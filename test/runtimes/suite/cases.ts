import { abort } from "./abort.js";
import { errors } from "./errors.js";
import { openFromOthers, sealForOthers } from "./exchange.js";
import type { Case } from "./kit.js";
import { ownVectorCases } from "./own-vectors.js";
import { published } from "./published.js";
import { randomAccess } from "./random-access.js";
import { roundTrips } from "./round-trips.js";
import { streams } from "./streams.js";

/** The first round in every runtime: everything that needs no other runtime, and the files for the others. */
export const firstRound: readonly Case[] = [
  ...published,
  ...ownVectorCases,
  ...roundTrips,
  ...streams,
  ...randomAccess,
  ...abort,
  ...errors,
  sealForOthers,
];

/** The second round, when all runtimes have been through the first. */
export const secondRound: readonly Case[] = [openFromOthers];
