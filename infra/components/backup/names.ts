/** Name of the host that keeps the repository, and of its certificate. */
export const REPOSITORY_HOST = "backup-0";
/** What pgBackRest calls the one cluster that the repository holds. */
export const STANZA = "dujyo";
