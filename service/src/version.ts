declare const SERVICE_VERSION: string | undefined;

/** Set by the bundler; a run from source has none. */
export const VERSION = typeof SERVICE_VERSION === "string" ? SERVICE_VERSION : "development";
