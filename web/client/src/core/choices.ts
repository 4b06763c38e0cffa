/** What a person chose, as it is remembered, and what it comes to. */
import * as v from 'valibot'
import type { Language } from './api'
import { fitting, gradeOf } from './languages'

const Choices = v.object({
  name: v.fallback(v.string(), ''),
  /** A tag, or `auto`: find out by listening. */
  speaks: v.fallback(v.string(), ''),
  /** A tag, `same` as heard, or `off`. */
  reads: v.fallback(v.string(), 'same'),
  /** A tag, `same` as read, or `original`. */
  hears: v.fallback(v.string(), ''),
  microphone: v.fallback(v.string(), ''),
  camera: v.fallback(v.string(), ''),
  speaker: v.fallback(v.string(), ''),
  /** Let the browser take out noise and echo. */
  cleaned: v.fallback(v.boolean(), true),
})

const Look = v.object({
  captions: v.fallback(v.boolean(), true),
  size: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5)), 3),
  position: v.fallback(v.picklist(['bottom', 'top']), 'bottom'),
  /** How dark the box behind the captions is, 0 to 100. */
  backdrop: v.fallback(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 75),
  /** A second language for the captions, or none. */
  also: v.fallback(v.string(), ''),
  /** How loud the original stays under a dub, 0 to 1. */
  under: v.fallback(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.15),
  theme: v.fallback(v.picklist(['auto', 'light', 'dark']), 'auto'),
  interface: v.fallback(v.string(), ''),
  /** Single keys do things in the room. */
  shortcuts: v.fallback(v.boolean(), true),
})

export type Choices = v.InferOutput<typeof Choices>
export type Look = v.InferOutput<typeof Look>

/** Tags only; '' is none. `also` is the captions' second language. */
export interface Wishes {
  speaks: string
  reads: string
  hears: string
  also: string
}

export const noChoices = (): Choices => v.parse(Choices, {})
export const plainLook = (): Look => v.parse(Look, {})

/** What the choices come to. `own` is the language to fall back on when everything follows something else. */
export function resolve(choices: Choices, look: Look, own: string): Wishes {
  const mine = choices.speaks && choices.speaks !== 'auto' ? choices.speaks : own
  const heard = tagOr(choices.hears, '')
  const read = tagOr(choices.reads, '')
  const reads = choices.reads === 'off' ? '' : choices.reads === 'same' ? heard || mine : read
  const hears = choices.hears === 'original' ? '' : choices.hears === 'same' ? read || mine : heard
  return { speaks: choices.speaks || 'auto', reads, hears, also: look.also === reads ? '' : look.also }
}

/** Both cannot follow the other: the one that was not touched keeps the language that it had. */
export function untangle(before: Choices, after: Choices, own: string): Choices {
  if (after.reads !== 'same' || after.hears !== 'same') return after
  const was = resolve(before, plainLook(), own)
  return before.reads === 'same' ? { ...after, reads: was.reads || own } : { ...after, hears: was.hears || own }
}

/** A newcomer's choices: their browser's language where it is served, found out or original where it is not. */
export function suggest(choices: Choices, languages: readonly Language[], browser: readonly string[]): Choices {
  const served = (stage: 'speak' | 'read' | 'hear') =>
    languages.filter((language) => gradeOf(language, stage) !== null).map((language) => language.tag)
  const known = languages.length > 0
  const keep = (value: string, words: string[], tags: string[]) =>
    value !== '' && (words.includes(value) || !known || tags.includes(value)) ? value : ''
  const first = (tags: string[]) => browser.map((tag) => fitting(tag, tags)).find((tag) => tag !== null) ?? ''
  const [speak, read, hear] = [served('speak'), served('read'), served('hear')]
  return {
    ...choices,
    speaks: keep(choices.speaks, ['auto'], speak) || first(speak) || 'auto',
    reads: keep(choices.reads, ['same', 'off'], [...read, ...speak]) || 'same',
    hears: keep(choices.hears, ['original', 'same'], hear) || first(hear) || 'original',
  }
}

function tagOr(value: string, other: string): string {
  return ['same', 'off', 'original', 'auto', ''].includes(value) ? other : value
}

/** Things remembered in this browser; a full or forbidden storage is forgotten, not an error. */
export const memory = {
  choices: keeper('dragoman.choices', Choices),
  look: keeper('dragoman.look', Look),
}

function keeper<T>(name: string, shape: v.GenericSchema<unknown, T>) {
  return {
    load(): T {
      let stored: unknown = {}
      try {
        stored = JSON.parse(localStorage.getItem(name) ?? '{}')
      } catch {
        stored = {}
      }
      const read = v.safeParse(shape, stored)
      return read.success ? read.output : v.parse(shape, {})
    },
    save(value: T): void {
      try {
        localStorage.setItem(name, JSON.stringify(value))
      } catch {
        // Private windows may forbid it; the choices then last as long as the page.
      }
    },
  }
}
