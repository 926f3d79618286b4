/** What is to be in force after a step of the rotation; the same as now where the step was begun before. */
export function keysAfter(keys: readonly number[], finish: boolean): readonly number[] {
  const newest = Number(keys.at(-1));
  if (finish) return [newest];
  return keys.length === 1 ? [newest, newest + 1] : keys;
}
