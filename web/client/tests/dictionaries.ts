/** The words in every language of the interface. */
import { load, TAGS, type Words } from '../src/i18n'

export const dictionaries: Readonly<Record<string, Words>> = Object.fromEntries(
  await Promise.all(TAGS.map(async (tag) => [tag, await load(tag)] as const)),
)
