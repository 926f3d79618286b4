// The engine's loader compiles TypeScript by itself, with a release that does not know this one's syntax, unless a module of
// Node's own kind comes first.
import "./pack.ts";
