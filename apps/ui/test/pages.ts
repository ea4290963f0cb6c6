/** Folders of the static pages. */
export const PAGES = ["reviewer", "verify", "admin"] as const;
export type PageName = (typeof PAGES)[number];
