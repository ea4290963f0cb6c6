import { entryPoints } from "./scripts/entry-points.js";

/** Who the package is for, in the order in which a recording meets them (docs/getting-started.md). */
export const users = ["Everyone", "Recorder", "Reviewer", "Server", "Institution", "Auditor", "Reference"];

/** @type {Partial<import("typedoc").TypeDocOptions>} */
export default {
  name: "Blindreel",
  entryPoints: entryPoints.map(({ source }) => source),
  readme: "README.md",
  projectDocuments: ["docs/*.md", "ARCHITECTURE.md", "CONTRIBUTING.md"],
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  // By user, not by kind: each finds the functions that are for them.
  categorizeByGroup: false,
  categoryOrder: users,
  defaultCategory: "Reference",
  navigation: { includeCategories: true, includeGroups: false },
  intentionallyNotExported: ["src/opacity/public-fields.ts:MEANINGS"],
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true },
};
