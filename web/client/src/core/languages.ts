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
  /** The browser asks for it. */
  preferred: boolean
}

const ORDER: Record<Grade, number> = { good: 0, fair: 1, rough: 2, unmeasured: 3 }
const RTL = new Set(['ar', 'arc', 'ckb', 'dv', 'fa', 'he', 'iw', 'ks', 'ps', 'sd', 'syr', 'ug', 'ur', 'yi'])

export const baseOf = (tag: string): string => tag.split('-')[0]!.toLowerCase()
export const sameLanguage = (one: string, other: string): boolean => baseOf(one) === baseOf(other)
export const directionOf = (tag: string): 'rtl' | 'ltr' => (RTL.has(baseOf(tag)) ? 'rtl' : 'ltr')

/** A language's name in a language, its own by default; the tag itself where the browser knows no name. */
export function nameOf(tag: string, locale: string = tag): string {
  const name = nameWithin(tag, locale)
  return name === tag ? tag : name.charAt(0).toLocaleUpperCase(locale) + name.slice(1)
}

/** The same as it is written in the middle of a sentence. */
export function nameWithin(tag: string, locale: string): string {
  try {
    return new Intl.DisplayNames([locale, 'en'], { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag
  }
}

/** The served tag that fits a browser's language best, or null: `pt-BR` takes `pt-BR`, else `pt`, else any `pt-…`. */
export function fitting(wanted: string, tags: readonly string[]): string | null {
  const lower = wanted.toLowerCase()
  return (
    tags.find((tag) => tag.toLowerCase() === lower) ??
    tags.find((tag) => tag.toLowerCase() === baseOf(wanted)) ??
    tags.find((tag) => sameLanguage(tag, wanted)) ??
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

/** How well a language is served at a stage; null where it is not. `spoken` are the languages it would be read from. */
export function gradeOf(language: Language, stage: Stage, spoken: readonly string[] = ['en']): Grade | null {
  if (stage === 'speak') return language.speak?.grade ?? null
  const from = language.read?.from ?? {}
  const all = Object.values(from).map((quality) => quality.grade)
  // A voice can say only what there are words for.
  if (stage === 'hear') return all.length > 0 ? (language.hear?.grade ?? null) : null
  if (all.length === 0) return null
  const asked = spoken.map((tag) => from[tag]?.grade).filter((grade) => grade !== undefined)
  return asked.length > 0 ? worst(asked) : best(all)
}

/** What is missing where a language is not served at a stage. */
export function missing(language: Language | undefined, stage: Stage): Stage {
  return stage === 'hear' && language?.hear ? 'read' : stage
}

/** The measured figures behind the word: from which language (reading), how much, by which measure, over which route. */
export function figuresOf(language: Language, stage: Stage): { from: string | null; quality: Quality }[] {
  if (stage === 'speak') return language.speak ? [{ from: null, quality: language.speak }] : []
  if (stage === 'hear') return language.hear ? [{ from: null, quality: language.hear }] : []
  const all = Object.entries(language.read?.from ?? {}).map(([from, quality]) => ({ from, quality }))
  const measured = all.filter(({ quality }) => quality.figure !== null)
  return (measured.length > 0 ? measured : all)
    .sort((a, b) => ORDER[a.quality.grade] - ORDER[b.quality.grade] || a.from.localeCompare(b.from))
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
  return [...languages, ...unknown]
    .map((language) => ({
      tag: language.tag,
      name: nameOf(language.tag),
      local: nameOf(language.tag, locale),
      grade: gradeOf(language, stage, spoken),
      preferred: wished.includes(language.tag),
    }))
    .sort(
      (a, b) =>
        Number(a.grade === null) - Number(b.grade === null) ||
        place(a) - place(b) ||
        ORDER[a.grade ?? 'unmeasured'] - ORDER[b.grade ?? 'unmeasured'] ||
        collator.compare(a.local, b.local),
    )
}

/** Whether a search finds an option, by either name or tag; marks and case do not matter. */
export function matches(option: Option, query: string): boolean {
  const wanted = plain(query.trim())
  return wanted === '' || [option.name, option.local, option.tag].some((text) => plain(text).includes(wanted))
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
