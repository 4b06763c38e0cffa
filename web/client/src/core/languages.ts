/** Languages as people choose them: their own names, what is served well, and in which order. */
import type { Grade, Language, Quality } from './api'

export type Stage = 'speak' | 'read' | 'hear'

export interface Option {
  tag: string
  /** The language's name in itself. */
  name: string
  /** Its name in the language of the interface. */
  local: string
  /** How well it is served; null where it is not. */
  grade: Grade | null
  /** Nothing is translated into it: only what is said in it can be read. */
  onlySpoken: boolean
  /** The browser asks for it. */
  preferred: boolean
}

const ORDER: Record<Grade, number> = { good: 0, fair: 1, rough: 2, poor: 3, unmeasured: 4 }
const RTL = new Set(['ar', 'arc', 'ckb', 'dv', 'fa', 'he', 'iw', 'ks', 'ps', 'sd', 'syr', 'ug', 'ur', 'yi'])

export const baseOf = (tag: string): string => tag.split('-')[0]!.toLowerCase()
const scriptOf = (tag: string): string | undefined =>
  tag
    .split('-')
    .slice(1, 2)
    .find((part) => part.length === 4)
    ?.toLowerCase()

/** Whether text in `one` can be read by who reads `other`: `pt` and `pt-BR`, but not `zh-Hans` and `zh-Hant`. */
export function sameLanguage(one: string, other: string): boolean {
  const [a, b] = [scriptOf(one), scriptOf(other)]
  return baseOf(one) === baseOf(other) && (a === undefined || b === undefined || a === b)
}
export const directionOf = (tag: string): 'rtl' | 'ltr' => (RTL.has(baseOf(tag)) ? 'rtl' : 'ltr')

/**
 * A language's name in a language, its own by default; in `other` where the browser does not speak that one, and the
 * tag itself where it knows no name.
 */
export function nameOf(tag: string, locale: string = tag, other = 'en'): string {
  const name = nameWithin(tag, locale, other)
  return name === tag ? tag : name.charAt(0).toLocaleUpperCase(locale) + name.slice(1)
}

/** The same as it is written in the middle of a sentence. */
export function nameWithin(tag: string, locale: string, other = 'en'): string {
  try {
    return new Intl.DisplayNames([locale, other, 'en'], { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag
  }
}

/**
 * A language as messages are given it: some languages choose an article or a case by its tag, or by how its name
 * begins.
 */
interface Named {
  language: string
  tag: string
  initial: 'vowel' | 'h' | 'consonant'
}

export function named(tag: string, locale: string): Named {
  const language = nameWithin(tag, locale)
  const first = plain(language).charAt(0)
  return {
    language,
    tag: canonical(tag),
    initial: first === 'h' ? 'h' : 'aeiou'.includes(first) ? 'vowel' : 'consonant',
  }
}

/** A language has one code here, whichever of its codes it came by: `he` for `iw` and `heb`. */
function canonical(tag: string): string {
  try {
    return new Intl.Locale(tag).language
  } catch {
    return baseOf(tag)
  }
}

/**
 * The served tag that fits a browser's language best, or null: `pt-BR` takes `pt-BR`, else `pt`, else any `pt-…`, the
 * same script first.
 */
export function fitting(wanted: string, tags: readonly string[]): string | null {
  const lower = wanted.toLowerCase()
  return (
    tags.find((tag) => tag.toLowerCase() === lower) ??
    tags.find((tag) => tag.toLowerCase() === baseOf(wanted)) ??
    tags.find((tag) => sameLanguage(tag, wanted)) ??
    tags.find((tag) => baseOf(tag) === baseOf(wanted)) ??
    null
  )
}

/** One entry a language: an accent that reads like its plain tag would only split the room's work and its captions. */
export function withoutAccents(languages: readonly Language[]): Language[] {
  const plainOnes = new Map(languages.map((language) => [language.tag, JSON.stringify(language.read ?? null)]))
  return languages.filter(({ tag, read }) => {
    const base = baseOf(tag)
    return tag === base || plainOnes.get(base) !== JSON.stringify(read ?? null)
  })
}

/** From which languages it is translated. */
const translatedFrom = ({ tag, read }: Language): [string, Quality][] =>
  Object.entries(read?.from ?? {}).filter(([from]) => !sameLanguage(from, tag))

/** Nothing is translated into it, but what is said in it is written down. */
export const isOnlySpoken = (language: Language): boolean =>
  translatedFrom(language).length === 0 && Object.keys(language.read?.from ?? {}).length > 0

/** How well a language is served at a stage; null where it is not. `spoken` are the languages it would be read from. */
export function gradeOf(language: Language, stage: Stage, spoken: readonly string[] = ['en']): Grade | null {
  if (stage === 'speak') return language.speak?.grade ?? null
  const from = Object.fromEntries(translatedFrom(language))
  const all = Object.values(from).map((quality) => quality.grade)
  // A voice says translations only: what is said in its own language is heard as it is.
  if (stage === 'hear') return all.length > 0 ? (language.hear?.grade ?? null) : null
  if (all.length === 0) return Object.values(language.read?.from ?? {})[0]?.grade ?? null
  const asked = spoken.map((tag) => (from[tag] ?? from[baseOf(tag)])?.grade).filter((grade) => grade !== undefined)
  return asked.length > 0 ? worst(asked) : best(all)
}

/** Of what is spoken, that which does not reach who reads `reads`: neither written in it nor translated into it. */
export function unreached(languages: readonly Language[], reads: string, spoken: readonly string[]): string[] {
  const language = languages.find(({ tag }) => tag === reads) ?? languages.find(({ tag }) => tag === baseOf(reads))
  if (language === undefined) return []
  const from = language.read?.from ?? {}
  return [...new Set(spoken)].filter((tag) => !sameLanguage(tag, reads) && !(tag in from) && !(baseOf(tag) in from))
}

/** What is missing where a language is not served at a stage. */
export function missing(language: Language | undefined, stage: Stage): Stage {
  return stage === 'hear' && language?.hear ? 'read' : stage
}

/**
 * The measured figures behind the word: from which language (reading), how much, by which measure, over which route.
 */
export function figuresOf(language: Language, stage: Stage): { from: string | null; quality: Quality }[] {
  if (stage === 'speak') return language.speak ? [{ from: null, quality: language.speak }] : []
  if (stage === 'hear') return language.hear ? [{ from: null, quality: language.hear }] : []
  const all = Object.entries(language.read?.from ?? {}).map(([from, quality]) => ({ from, quality }))
  const measured = all.filter(({ quality }) => quality.figure !== null)
  return (measured.length > 0 ? measured : all).sort(
    (a, b) => ORDER[a.quality.grade] - ORDER[b.quality.grade] || a.from.localeCompare(b.from),
  )
}

/** Every language of a stage in the order people look for theirs; what is not served comes last. */
export function options(
  languages: readonly Language[],
  stage: Stage,
  browser: readonly string[],
  locale: string,
  spoken?: readonly string[],
): Option[] {
  const tags = languages.map((language) => language.tag)
  const good = languages.filter((language) => gradeOf(language, stage) !== null).map((language) => language.tag)
  const wished = browser.map((tag) => fitting(tag, good) ?? fitting(tag, tags) ?? baseOf(tag))
  const unknown = [...new Set(wished)].filter((tag) => !tags.includes(tag)).map((tag): Language => ({ tag }))
  const place = (option: Option) => (option.preferred ? wished.indexOf(option.tag) : wished.length)
  const collator = new Intl.Collator(locale)
  return (
    [...languages, ...unknown]
      .map((language) => ({
        tag: language.tag,
        name: nameOf(language.tag, language.tag, locale),
        local: nameOf(language.tag, locale),
        grade: gradeOf(language, stage, spoken),
        onlySpoken: stage === 'read' && isOnlySpoken(language),
        preferred: wished.includes(language.tag),
      }))
      // Nobody would find their language by a code.
      .filter(({ tag, name }) => name !== tag)
      .sort(
        (a, b) =>
          Number(a.grade === null) - Number(b.grade === null) ||
          place(a) - place(b) ||
          Number(a.onlySpoken) - Number(b.onlySpoken) ||
          ORDER[a.grade ?? 'unmeasured'] - ORDER[b.grade ?? 'unmeasured'] ||
          collator.compare(a.local, b.local),
      )
  )
}

/**
 * What a search finds, best first: the tag itself, then names that begin so, its own before the interface's, then the
 * rest.
 */
export function found(options: readonly Option[], query: string): Option[] {
  const wanted = plain(query.trim())
  if (wanted === '') return [...options]
  const ranked = options
    .map((option) => ({ option, rank: rankOf(option, wanted) }))
    .filter(({ rank }) => rank < Infinity)
  return ranked.sort((a, b) => a.rank - b.rank).map(({ option }) => option)
}

/** Marks and case do not matter. */
function rankOf({ tag, name, local }: Option, wanted: string): number {
  const [own, here] = [plain(name), plain(local)]
  if (plain(tag) === wanted) return 0
  if (own.startsWith(wanted)) return 1
  if (here.startsWith(wanted)) return 2
  return [own, here, plain(tag)].some((text) => text.includes(wanted)) ? 3 : Infinity
}

export function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase()
}

function worst(grades: readonly Grade[]): Grade {
  return grades.reduce((a, b) => (ORDER[b] > ORDER[a] ? b : a))
}

function best(grades: readonly Grade[]): Grade {
  return grades.reduce((a, b) => (ORDER[b] < ORDER[a] ? b : a))
}
