/** Catching up: asks the interpreter for the finals that a late joiner or a gap has missed. */
import { arrived, fromStart, giveUp, hasGap, type Sequence } from './sequence'

interface Answer {
  frames: readonly string[]
  more: boolean
}

/** Asks for finals of a language after a number. Rejects when nobody answers. */
export type Ask = (lang: string, after: number) => Promise<Answer>
/** Takes a frame in; resolves when it is in or dropped. */
export type Take = (frame: string, lang: string) => Promise<void>

/** The other carrier may still bring what seems to be missing. */
const GRACE = 400
const AGAIN = 2_000
const ATTEMPTS = 4
const PAGES = 50
/** Languages that are followed; a room has fewer. */
export const LANGUAGES = 64

export class CatchUp {
  readonly #ask: Ask
  readonly #take: Take
  readonly #sequences = new Map<string, Sequence>()
  readonly #asking = new Map<string, Promise<void>>()
  readonly #followed = new Set<string>()
  #term = 0

  constructor(ask: Ask, take: Take) {
    this.#ask = ask
    this.#take = take
  }

  /** Another interpreter counts from one again. */
  reset(): void {
    this.#term += 1
    this.#sequences.clear()
    this.#asking.clear()
    this.#followed.clear()
  }

  /** Everything that is remembered of a language, now and from here on. */
  follow(lang: string): Promise<void> {
    if (lang === '' || this.#followed.has(lang)) return this.#asking.get(lang) ?? Promise.resolve()
    if (this.#followed.size >= LANGUAGES) return Promise.resolve()
    this.#followed.add(lang)
    this.#sequences.set(lang, fromStart)
    return this.#fill(lang)
  }

  /** A final came in; a gap before it is asked for. */
  note(lang: string, seq: number): void {
    if (!this.#sequences.has(lang) && this.#sequences.size >= LANGUAGES) return
    const before = this.#sequences.get(lang) ?? { upTo: seq - 1, beyond: [] }
    const after = arrived(before, seq)
    this.#sequences.set(lang, after)
    if (hasGap(after)) setTimeout(() => this.#stillMissing(lang), GRACE)
  }

  /** After a reconnection: whatever was said meanwhile. */
  again(): void {
    for (const lang of this.#sequences.keys()) void this.#fill(lang)
  }

  #stillMissing(lang: string): void {
    const now = this.#sequences.get(lang)
    if (now && hasGap(now)) void this.#fill(lang)
  }

  #fill(lang: string): Promise<void> {
    const running = this.#asking.get(lang)
    if (running) return running
    const term = this.#term
    const filling = this.#pages(lang, term).finally(() => {
      if (this.#asking.get(lang) === filling) this.#asking.delete(lang)
    })
    this.#asking.set(lang, filling)
    return filling
  }

  async #pages(lang: string, term: number): Promise<void> {
    let failures = 0
    for (let page = 0; page < PAGES && term === this.#term;) {
      const after = this.#sequences.get(lang)?.upTo ?? 0
      try {
        const answer = await this.#ask(lang, after)
        for (const frame of answer.frames) await this.#take(frame, lang)
        page += 1
        if (term === this.#term) this.#skipForgotten(lang)
        if (!answer.more || answer.frames.length === 0) return
      } catch {
        failures += 1
        if (failures >= ATTEMPTS || term !== this.#term) return
        await new Promise((resolve) => setTimeout(resolve, AGAIN))
      }
    }
  }

  /** What the answer left out, the interpreter no longer remembers. */
  #skipForgotten(lang: string): void {
    const now = this.#sequences.get(lang)
    if (now) this.#sequences.set(lang, giveUp(now))
  }
}
