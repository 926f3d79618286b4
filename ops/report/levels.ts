import type { Level } from "../../dashboards/bounds.ts";

/** What a bound of each level is called on a page. */
export const LEVEL_NAMES: Readonly<Record<Level, string>> = {
  capacity: "built for",
  info: "info",
  goal: "goal",
  ticket: "ticket",
  page: "page",
};

/** Readable on a light and on a dark ground. */
export const LEVEL_COLOURS: Readonly<Record<Level, string>> = {
  capacity: "#6b7fd7",
  info: "#a855f7",
  goal: "#b7860b",
  ticket: "#ea580c",
  page: "#dc2626",
};
