/** Something that a healthy stack may lack, and why. */
export interface Exception {
  readonly reason: string;
  /** Metric by name. */
  readonly metric?: RegExp;
  /** Panel by dashboard and title, `dujyo-api / Error share`. */
  readonly panel?: RegExp;
}

/**
 * All else has to be there. The check lists the entries that it made use of.
 */
export const EXCEPTIONS: readonly Exception[] = [
  {
    metric: /^dujyo_backup_|^dujyo_restore_/,
    reason: "the series come with backups, which this stack does not take",
  },
  {
    metric: /^dujyo_pg_archive_/,
    reason: "the series come with archive_mode, which is off",
  },
  {
    metric: /^ALERTS$/,
    reason:
      "Prometheus keeps it while an alert is pending or firing; the dead man's switch always is, from the second evaluation on",
  },
];

export function exceptionForMetric(name: string): Exception | undefined {
  return EXCEPTIONS.find(({ metric }) => metric?.test(name));
}

export function exceptionForPanel(dashboard: string, panel: string): Exception | undefined {
  return EXCEPTIONS.find((exception) => exception.panel?.test(`${dashboard} / ${panel}`));
}
