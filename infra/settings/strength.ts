/** Least that a secret has to have which somebody gives. */
export interface Least {
  readonly characters: number;
  /** How many of them differ: a long row of the same ones is guessed as well. */
  readonly different: number;
}

/** Of a password that a person or a stack thought up; one that a stack makes has 32 characters of 64 kinds. */
export const GIVEN_PASSWORD: Least = { characters: 20, different: 10 };

/** Of a password or key that a service outside made for its customer; the shortest in use are mail's, of 16 letters. */
export const ISSUED_KEY: Least = { characters: 16, different: 8 };

/** Of 32 random bytes, one character each; random ones have about 30 different. */
export const KEY_BYTES: Least = { characters: 32, different: 20 };

/** What a secret lacks, as the end of a sentence about it; undefined where it is good enough. It does not hold the secret. */
export function weakness(secret: string, least: Least): string | undefined {
  const different = new Set(secret).size;
  if (secret.length >= least.characters && different >= least.different) return undefined;
  return (
    `${secret.length} characters, ${different} of them different; at least ${least.characters} and ${least.different} ` +
    "are asked for"
  );
}
