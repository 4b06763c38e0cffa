/** The interface's languages, and which of them a person gets. */
import { fitting } from '../core/languages'
import { de } from './de'
import { en } from './en'
import { es } from './es'
import { fr } from './fr'
import { pt } from './pt'
import type { Words } from './shape'

export { ERROR_WORDS, sentence } from './shape'
export type { Words } from './shape'

export const dictionaries: Readonly<Record<string, Words>> = { en, es, fr, de, pt }

/** The chosen language, else the first of the browser's that there is, else English. */
export function wordsFor(chosen: string, browser: readonly string[]): Words {
  const tags = Object.keys(dictionaries)
  const tag = [chosen, ...browser].map((one) => (one ? fitting(one, tags) : null)).find((one) => one !== null)
  return dictionaries[tag ?? 'en'] ?? en
}
