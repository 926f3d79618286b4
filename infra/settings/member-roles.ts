/**
 * The role that has the password of a number, of the two that take turns: PostgreSQL keeps one password for each role, so that
 * a new one can only be accepted beside the former by another role.
 */
export function roleInTurn(role: string, number: number): string {
  return number % 2 === 0 ? `${role}_b` : role;
}
