/** The promise of `screen.ts` to whoever reads, over speech of every shape. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BACKLOG,
  empty,
  HOLD,
  LINES,
  LIVE,
  put,
  REMEMBERED,
  ROWS,
  tick,
  view,
  VOICES,
  type Screen,
} from '../../src/core/screen'
import type { Frame } from '../../src/core/wire'
import { frame } from './frames'

const LIMIT = 20
/** Milliseconds that a busy machine may take for them. */
const SLOW = 60_000
const STEP = 100
/** Columns of a word; three fill a row. */
const WORD = 6

interface Clause {
  words: number
  /** How many of its words each interim has, and how many of those will be other words in the final. */
  interims: readonly { words: number; wrong: number }[]
  /** Milliseconds from one frame to the next. */
  pace: number
  /** Milliseconds after its final. */
  pause: number
}

/** Every word of a clause is unlike any other; a word that will be corrected begins with an x. */
const word = (clause: number, at: number, wrong = false) => `${wrong ? 'x' : 'w'}${clause}_${at}`.padEnd(WORD, '·')

function frames(clauses: readonly Clause[]): { at: number; frame: Frame }[] {
  const said: { at: number; frame: Frame }[] = []
  let now = 0
  clauses.forEach(({ words, interims, pace, pause }, clause) => {
    const id = `c${clause}`
    const steps = interims
      .map((one) => ({ ...one, words: Math.min(one.words, words) }))
      .sort((a, b) => a.words - b.words)
    steps.forEach((one, rev) => {
      const right = one.words - Math.min(one.wrong, one.words)
      const text = Array.from({ length: one.words }, (_, at) => word(clause, at, at >= right)).join(' ')
      said.push({ at: now, frame: frame({ id, rev, text, stable: 0, start: clause }) })
      now += pace
    })
    const text = Array.from({ length: words }, (_, at) => word(clause, at)).join(' ')
    said.push({ at: now, frame: frame({ id, rev: 99, text, final: true, start: clause }) })
    now += pause
  })
  return said
}

/** How long each word stood, and how many words were at its end of the row, as it last stood. */
function stood(said: readonly { at: number; frame: Frame }[]): {
  time: Map<string, number>
  after: Map<string, number>
} {
  const time = new Map<string, number>()
  const after = new Map<string, number>()
  let screen = empty()
  const end = (said.at(-1)?.at ?? 0) + 60_000
  let next = 0
  for (let now = 0; now < end; now += STEP) {
    for (; next < said.length && said[next]!.at <= now; next += 1) screen = put(screen, said[next]!.frame, now, LIMIT)
    screen = tick(screen, now, LIMIT)
    for (const { row } of view(screen, LIMIT)[0]?.rows ?? []) {
      row.forEach((token, at) => {
        time.set(token.text, (time.get(token.text) ?? 0) + STEP)
        after.set(token.text, row.length - at)
      })
    }
  }
  return { time, after }
}

const clause = (most: number, pause: { min: number; max: number }) =>
  fc.record({
    words: fc.integer({ min: 1, max: most }),
    interims: fc.array(fc.record({ words: fc.integer({ min: 1, max: most }), wrong: fc.integer({ min: 0, max: 4 }) }), {
      maxLength: 6,
    }),
    pace: fc.integer({ min: 100, max: 2_500 }),
    pause: fc.integer(pause),
  })

/** A row of three words is read in 2.4 s, and two rows stand at a time. */
const CALM = { min: 7_500, max: 12_000 }
/** What fits on the screen and in what may wait for words that are not settled. */
const FITS = (LINES + HOLD) * 3

describe('what is promised to whoever reads', () => {
  it(
    'lets every settled word stand for its time, whenever it came and whatever stood there before',
    () => {
      fc.assert(
        fc.property(fc.array(clause(FITS, CALM), { minLength: 1, maxLength: 6 }), (clauses) => {
          const { time, after } = stood(frames(clauses))

          clauses.forEach(({ words }, at) => {
            for (let one = 0; one < words; one += 1) {
              const said = word(at, one)
              expect(time.get(said) ?? 0, said).toBeGreaterThanOrEqual(1_500 + 300 * (after.get(said) ?? 1) - STEP)
            }
          })
        }),
        { numRuns: 100 },
      )
    },
    SLOW,
  )

  it(
    'passes over whole words and cuts none short, however much is said',
    () => {
      fc.assert(
        fc.property(fc.array(clause(30, { min: 0, max: 1_000 }), { minLength: 5, maxLength: 20 }), (clauses) => {
          const { time, after } = stood(frames(clauses.map((one) => ({ ...one, interims: [] }))))

          for (const [said, ms] of time) expect(ms, said).toBeGreaterThanOrEqual(1_500 + 300 * after.get(said)! - STEP)
          expect(time.has(word(clauses.length - 1, clauses.at(-1)!.words - 1))).toBe(true)
        }),
        { numRuns: 40 },
      )
    },
    SLOW,
  )

  it('passes over nothing while no more rows wait than may', () => {
    const words = (LINES + BACKLOG) * 3
    const { time } = stood(frames([{ words, interims: [], pace: 0, pause: 0 }]))

    expect(time.size).toBe(words)
  })
})

describe('what the screen remembers', () => {
  const said = (screen: Screen, part: Partial<Frame>, now: number) => put(screen, frame(part), now, LIMIT)

  it('is no more than so many voices, rows, interims and settled captions', () => {
    let screen = empty()
    for (let at = 0; at < 300; at += 1)
      screen = said(screen, { identity: `guest-${at}`, text: 'hola', final: true }, at)
    for (let at = 0; at < 300; at += 1)
      screen = said(screen, { identity: 'guest-0', text: 'una frase bastante larga', final: true }, at)
    for (let at = 0; at < 300; at += 1) screen = said(screen, { identity: 'guest-1', id: `i${at}`, text: 'algo' }, at)

    expect(screen.rolls.length).toBe(screen.slots.length + VOICES)
    expect(Math.max(...screen.rolls.map((roll) => roll.rows.length))).toBeLessThanOrEqual(ROWS)
    expect(Math.max(...screen.rolls.map((roll) => roll.live.length))).toBe(LIVE)
    expect(screen.settled.length).toBe(REMEMBERED)
  })
})
