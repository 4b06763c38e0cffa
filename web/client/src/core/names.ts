/** What people are called, those who are here and those who were. */

export type Names = Readonly<Record<string, string>>

/** Names that are held: more than a long day's visitors. Beyond it the first that were met go. */
export const HELD = 2_000

/** Names with more names; the same object where nothing is new. */
export function withNames(names: Names, more: Names, held = HELD): Names {
  if (Object.entries(more).every(([identity, name]) => names[identity] === name)) return names
  const all = Object.entries({ ...names, ...more })
  return Object.fromEntries(all.slice(Math.max(0, all.length - held)))
}
