/** Figures and times as the interface's language writes them. */
import type { Grades, Quality } from '../core/api'
import { named, type Stage } from '../core/languages'
import type { Words } from '../i18n'

export const number = (words: Words, value: number, digits = 0): string =>
  new Intl.NumberFormat(words.tag, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value)

export const percent = (words: Words, share: number): string =>
  new Intl.NumberFormat(words.tag, { style: 'percent', maximumFractionDigits: 0 }).format(share)

export const seconds = (words: Words, value: number): string => number(words, value, value < 1 ? 1 : 0)

/** A time in the interface's language, with as many hours in a clock's round as where the browser is at home. */
export function clock(words: Words, at: number, home: string = navigator.language): string {
  const { hourCycle } = new Intl.DateTimeFormat(home, { hour: 'numeric' }).resolvedOptions()
  return new Intl.DateTimeFormat(regional(words.tag, home), { hour: '2-digit', minute: '2-digit', hourCycle }).format(
    at,
  )
}

/**
 * The interface's language as it is written where the browser is at home: `de` of a browser that speaks `en-GB` is
 * `de-GB`.
 */
function regional(tag: string, home: string): string {
  try {
    const { region } = new Intl.Locale(home).maximize()
    return region ? new Intl.Locale(tag, { region }).toString() : tag
  } catch {
    return tag
  }
}

/** A measured figure in words: by which measure, from which language, over which route. */
export function figure(words: Words, quality: Quality, from: string | null): string {
  const { language } = words
  const by = quality.route ?? quality.engine
  const parts = [
    from === null ? null : language.from(named(from, words.tag)),
    measure(words, quality),
    by ? language.by({ route: by }) : null,
  ]
  return parts.filter((part) => part !== null).join(' · ')
}

function measure(words: Words, { figure: value, measure: name }: Quality): string {
  if (value === null || value === undefined) return words.language.noFigure
  return name === 'wer'
    ? words.language.wer({ share: percent(words, value) })
    : words.language.chrf({ score: number(words, value, 1) })
}

/** What the words of quality mean in figures: of word error rates where speech is understood, of chrF elsewhere. */
export function scale(words: Words, grades: Grades | undefined, stage: Stage): string | null {
  const { language } = words
  const bounds = stage === 'hear' ? [] : Object.entries((stage === 'speak' ? grades?.wer : grades?.chrf) ?? {})
  const parts = bounds.map(([grade, bound]) => {
    const word = (language.grade as Record<string, string>)[grade] ?? grade
    return stage === 'speak'
      ? language.upTo({ share: percent(words, bound), word })
      : language.atLeast({ score: number(words, bound), word })
  })
  return parts.length === 0 ? null : [...parts, language.otherwise({ word: language.grade.poor })].join(' · ')
}
