import { parseSettings, SettingsError } from "../../infra/settings/parse.ts";

/** Reasons by the path of the setting, of what `parsing` refuses; none where it takes everything. */
export function problemsIn(parsing: () => unknown): Record<string, string> {
  try {
    parsing();
  } catch (error) {
    if (error instanceof SettingsError)
      return Object.fromEntries(error.issues.map(({ path, reason }) => [path, reason]));
    throw error;
  }
  return {};
}

/** What is refused of these settings of the stack `dev`. */
export const problemsOf = (
  given: Record<string, unknown>,
  parse: (stack: string, given: Record<string, unknown>) => unknown = parseSettings,
): Record<string, string> => problemsIn(() => parse("dev", given));
