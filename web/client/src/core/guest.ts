/** Who a newcomer without a microphone is: which talk they hear, and in which language. */
import type { Language, TalkFile } from './api'
import type { Wishes } from './choices'
import { fitting, gradeOf, sameLanguage } from './languages'

const SECOND = ['es', 'fr', 'pt', 'de', 'en']

/** The talk asked for, else the first: it is English, which most engines hear best. */
export function talkFor(talks: readonly TalkFile[], asked: string | null): TalkFile | null {
  return talks.find((talk) => asked !== null && sameLanguage(talk.language, asked)) ?? talks[0] ?? null
}

/** Reads and hears the browser's language; another where that is the talk's own or isn't served from it. */
export function guestWishes(talk: TalkFile, languages: readonly Language[], browser: readonly string[]): Wishes {
  const from = languages.filter(({ read }) => read?.from[talk.language] !== undefined).map(({ tag }) => tag)
  const tags = languages.length > 0 ? from : SECOND
  const wished = [...browser.slice(0, 1), ...SECOND].filter((tag) => !sameLanguage(tag, talk.language))
  const reads = wished.map((tag) => fitting(tag, tags)).find((tag) => tag !== null) ?? talk.language
  const voices = languages.filter((language) => gradeOf(language, 'hear') !== null).map(({ tag }) => tag)
  const spoken = (languages.length === 0 || voices.includes(reads)) && !sameLanguage(reads, talk.language)
  return { speaks: 'auto', reads, hears: spoken ? reads : '', also: '' }
}
