/**
 * The interface's languages, one for each JSON file here: which of them a person gets, and its words once they are
 * loaded.
 */
import { fitting } from '../core/languages'
import type { Compiled } from '../../tools/icu'
import messages from './en.json'
import { wordsOf } from './message'
import type { Words } from './words'

export { ERROR_WORDS, sentence } from './errors'
export type { Words } from './words'

/** All but English are chunks of their own, loaded by whoever reads them. */
const CHUNKS = import.meta.glob<Compiled>(['./*.json', '!./en.json'], { import: 'default' })

/** The languages that there are words in. */
export const TAGS: readonly string[] = [
  'en',
  ...Object.keys(CHUNKS).map((path) => path.slice('./'.length, -'.json'.length)),
].sort()

export const english = wordsOf('en', messages)

/** One entry a language of the interface at most. */
const ready = new Map([[english.tag, english]])

/** The chosen language, else the first of the browser's that there is, else English. */
export function tagFor(chosen: string, browser: readonly string[]): string {
  const found = [chosen, ...browser].map((one) => (one ? fitting(one, TAGS) : null)).find((one) => one !== null)
  return found ?? english.tag
}

/** The words of a language if they are there already. */
export const loaded = (tag: string): Words | undefined => ready.get(tag)

/** The words of a language; fails where the server does not hand them out. */
export async function load(tag: string): Promise<Words> {
  const there = ready.get(tag)
  const chunk = CHUNKS[`./${tag}.json`]
  if (there !== undefined || chunk === undefined) return there ?? english
  const words = wordsOf(tag, await chunk())
  ready.set(tag, words)
  return words
}
