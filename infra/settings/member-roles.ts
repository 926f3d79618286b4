/**
 * The role that has the password of a number, of the two that take turns: PostgreSQL keeps one password for each role, so that
 * a new one can only be accepted beside the former by another role.
 */
export function roleInTurn(role: string, number: number): string {
  return number % 2 === 0 ? `${role}_b` : role;
}

/** Both roles that take turns, the one of odd numbers first. */
export function bothRoles(role: string): readonly string[] {
  return [1, 2].map((number) => roleInTurn(role, number));
}
