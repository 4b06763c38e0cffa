/** Text into lines that never move: greedy from the left, so that what is added at the end leaves the rest in place. */
import { baseOf } from './languages'

export interface Token {
  /** The word with its punctuation. */
  text: string
  /** What stands before it when it is not first in its line. */
  gap: string
  settled: boolean
  /** The caption it belongs to. */
  id: string
}

export type Row = readonly Token[]

const UNSPACED = new Set(['zh', 'yue', 'ja', 'th', 'lo', 'km', 'my', 'bo'])
// East Asian wide and fullwidth letters take two columns of a caption; good enough, and no table to carry along.
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

/** A text as words; `stable` code points of it are settled. */
export function tokens(text: string, lang: string, stable: number, id: string): Token[] {
  const parts = UNSPACED.has(baseOf(lang)) ? segments(text, lang) : spaced(text)
  const settledUnits = Array.from(text).slice(0, stable).join('').length
  return parts.map(({ word, gap, end }) => ({ text: word, gap, settled: end <= settledUnits, id }))
}

/** Put words after the rows that are there, at most `limit` columns a row; the rows before stay as they are. */
export function flow(rows: readonly Row[], added: readonly Token[], limit: number): Row[] {
  const result = rows.slice()
  for (const token of added) {
    const last = result.at(-1)
    const fits = last !== undefined && width(last) + columns(token.gap + token.text) <= limit
    if (fits) result[result.length - 1] = [...last, token]
    else result.push([token])
  }
  return result
}

/** Columns that a row takes. */
export function width(row: Row): number {
  return row.reduce((sum, token, at) => sum + columns(at === 0 ? token.text : token.gap + token.text), 0)
}

export function columns(text: string): number {
  let sum = 0
  for (const letter of text) sum += WIDE.test(letter) ? 2 : 1
  return sum
}

export function textOf(row: Row): string {
  return row.map((token, at) => (at === 0 ? token.text : token.gap + token.text)).join('')
}

/**
 * How long words have to stand to be read, in ms: 1.5 s, and 0.3 s a word (two signs of a script without spaces are
 * one).
 */
export function reading(row: Row): number {
  const words = row.reduce((sum, token) => sum + (WIDE.test(token.text) ? Math.ceil(token.text.length / 2) : 1), 0)
  return 1_500 + 300 * words
}

interface Part {
  word: string
  gap: string
  end: number
}

function spaced(text: string): Part[] {
  return [...text.matchAll(/\S+/gu)].map((found) => ({ word: found[0], gap: ' ', end: found.index + found[0].length }))
}

function segments(text: string, lang: string): Part[] {
  const parts: Part[] = []
  for (const { segment, index, isWordLike } of new Intl.Segmenter(lang, { granularity: 'word' }).segment(text)) {
    const end = index + segment.length
    const last = parts.at(-1)
    if (segment.trim() === '') continue
    if (!isWordLike && last)
      parts[parts.length - 1] = { ...last, word: text.slice(last.end - last.word.length, end), end }
    else parts.push({ word: segment, gap: last && /\s/u.test(text.charAt(index - 1)) ? ' ' : '', end })
  }
  return parts
}
