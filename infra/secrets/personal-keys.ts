import * as pulumi from "@pulumi/pulumi";
import type { PersonalKeys } from "../stack-outputs.ts";
import { SecretKey } from "./secret-key.ts";

/**
 * Keys of personal fields. They are for programs that write or read these fields, and go to nobody else: no part of the stack
 * gets them, the API and the database least of all.
 *
 * @param numbers of the keys in force that encrypt; each is made when its number first appears
 */
export function createPersonalKeys(numbers: readonly number[]): pulumi.Output<PersonalKeys> {
  const index = new SecretKey("personal-index-key");
  const encryption = numbers.map(
    (number) => [number, new SecretKey(`personal-key-${number}`).value] as const,
  );
  return pulumi.secret(
    pulumi
      .all([index.value, pulumi.output(Object.fromEntries(encryption))])
      .apply(([value, keys]) => ({ index: value, encryption: keys })),
  );
}
