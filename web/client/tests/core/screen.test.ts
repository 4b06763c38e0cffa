import { describe, expect, it } from 'vitest'
import { textOf } from '../../src/core/breaking'
import { empty, put, tick, view, type Screen } from '../../src/core/screen'
import type { Frame } from '../../src/core/wire'
import { frame } from './frames'

const LIMIT = 20
const shown = (screen: Screen) =>
  view(screen, LIMIT).map((voice) => [voice.identity, ...voice.rows.map(({ row }) => textOf(row))])

/** Feeds frames at their times, letting time pass in steps of 100 ms as the page does. */
function play(
  events: readonly (readonly [number, Frame])[],
  until: number,
  see?: (screen: Screen, now: number) => void,
): Screen {
  let screen = empty()
  for (let now = 0; now <= until; now += 100) {
    for (const [at, one] of events) if (at === now) screen = put(screen, one, now, LIMIT)
    screen = tick(screen, now, LIMIT)
    see?.(screen, now)
  }
  return screen
}

describe('what stands on the screen', () => {
  it('replaces an interim in place by its final', () => {
    const screen = play(
      [
        [0, frame({ id: 'a', text: 'Hola a' })],
        [500, frame({ id: 'a', rev: 2, text: 'Hola a todos', stable: 6 })],
        [900, frame({ id: 'a', rev: 3, text: 'Hola a todos.', final: true })],
      ],
      1_000,
    )

    expect(shown(screen)).toEqual([['ben', 'Hola a todos.']])
  })

  it('ignores a revision that is older, and any after the final', () => {
    const late = play(
      [
        [0, frame({ id: 'a', rev: 5, text: 'nuevo' })],
        [100, frame({ id: 'a', rev: 4, text: 'viejo' })],
      ],
      200,
    )
    const after = play(
      [
        [0, frame({ id: 'a', rev: 5, text: 'fin', final: true })],
        [100, frame({ id: 'a', rev: 9, text: 'tarde' })],
      ],
      200,
    )

    expect(shown(late)).toEqual([['ben', 'nuevo']])
    expect(shown(after)).toEqual([['ben', 'fin']])
  })

  it('shows the same final once, whichever carrier brings it again', () => {
    const twice = frame({ id: 'a', text: 'Hola.', final: true })

    expect(
      shown(
        play(
          [
            [0, twice],
            [100, twice],
          ],
          200,
        ),
      ),
    ).toEqual([['ben', 'Hola.']])
  })

  it('never shows more than two lines of a voice, nor more than two voices', () => {
    const long = 'uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince'
    const events = ['ana', 'ben', 'carl'].map(
      (identity, at) => [at * 100, frame({ identity, text: long, final: true })] as const,
    )

    play(events, 12_000, (screen) => {
      expect(view(screen, LIMIT).length).toBeLessThanOrEqual(2)
      for (const voice of view(screen, LIMIT)) expect(voice.rows.length).toBeLessThanOrEqual(2)
    })
  })

  it('lets every line stay at least 1.5 s and 0.3 s a word', () => {
    const seen = new Map<number, { from: number; to: number; words: number }>()
    const events = Array.from(
      { length: 8 },
      (_, at) => [at * 2_000, frame({ text: `frase número ${at} dicha`, final: true })] as const,
    )

    play(events, 40_000, (screen, now) => {
      for (const { number, row } of view(screen, LIMIT)[0]?.rows ?? []) {
        const before = seen.get(number)
        seen.set(number, { from: before?.from ?? now, to: now, words: row.length })
      }
    })

    expect(seen.size).toBeGreaterThan(6)
    for (const { from, to, words } of seen.values()) expect(to - from).toBeGreaterThanOrEqual(1_500 + 300 * words - 100)
  })

  it('does not move a settled word from its line and column while the text grows', () => {
    const text = 'Vamos a empezar por el presupuesto, porque decide qué más podemos hacer este año entero'
    const words = text.split(' ')
    const events = words.map((_, at) => {
      const part = words.slice(0, at + 1).join(' ')
      return [at * 300, frame({ id: 'a', rev: at, text: part, stable: part.length, start: 1 })] as const
    })
    const places = new Map<string, string>()

    play(events, 6_000, (screen) => {
      for (const { number, row } of view(screen, LIMIT)[0]?.rows ?? []) {
        row.forEach((token, column) => {
          const at = `${number}:${column}`
          expect(places.get(token.text) ?? at).toBe(at)
          places.set(token.text, at)
        })
      }
    })

    expect(places.size).toBe(words.length)
  })

  it('keeps an interim after a settled clause in its place when the window has moved on', () => {
    const events: (readonly [number, Frame])[] = [
      [0, frame({ id: 'a', text: 'Esto es el principio', final: true, start: 1 })],
      [100, frame({ id: 'b', rev: 1, text: 'pero sigue con más', start: 2 })],
      [5_000, frame({ id: 'b', rev: 2, text: 'pero sigue con más palabras que antes', start: 2 })],
      [9_000, frame({ id: 'b', rev: 3, text: 'pero sigue con más palabras que antes y todavía otras', start: 2 })],
      [
        9_500,
        frame({
          id: 'b',
          rev: 4,
          text: 'pero sigue con más palabras que antes y todavía otras',
          final: true,
          start: 2,
        }),
      ],
    ]
    const places = new Map<string, number>()

    play(events, 12_000, (screen) => {
      for (const { number, row } of view(screen, LIMIT)[0]?.rows ?? []) {
        for (const token of row) {
          expect(places.get(token.text) ?? number).toBe(number)
          places.set(token.text, number)
        }
      }
    })

    expect(places.has('otras')).toBe(true)
  })

  it('clears a voice after its lines were read, and lets a waiting one in', () => {
    const say = (identity: string) => frame({ identity, text: 'Una frase corta.', final: true })

    const early = play(
      [
        [0, say('ana')],
        [100, say('ben')],
        [200, say('carl')],
      ],
      1_000,
    )
    const later = play(
      [
        [0, say('ana')],
        [100, say('ben')],
        [200, say('carl')],
      ],
      4_000,
    )
    const end = play(
      [
        [0, say('ana')],
        [100, say('ben')],
        [200, say('carl')],
      ],
      20_000,
    )

    expect(shown(early).map(([who]) => who)).toEqual(['ana', 'ben'])
    expect(shown(later).map(([who]) => who)).toContain('carl')
    expect(shown(end)).toEqual([])
  })

  it('forgets an interim that was lost on the way', () => {
    expect(shown(play([[0, frame({ text: 'perdido' })]], 9_000))).toEqual([])
  })

  it('passes over what waits too long rather than falling ever further behind', () => {
    const events = Array.from(
      { length: 60 },
      (_, at) => [at * 200, frame({ text: `muchas palabras seguidas ${at}`, final: true })] as const,
    )

    const screen = play(events, 12_500)

    expect(shown(screen)[0]!.join(' ')).toMatch(/5\d/u)
  })

  it('keeps voices within one track apart', () => {
    const screen = play(
      [
        [0, frame({ speaker: 'A', text: 'Sí.', final: true })],
        [0, frame({ speaker: 'B', text: 'No.', final: true })],
      ],
      100,
    )

    expect(view(screen, LIMIT).map((voice) => voice.speaker)).toEqual(['A', 'B'])
  })

  it('stays the same object while nothing changes', () => {
    const screen = play([[0, frame({ text: 'Hola.', final: true })]], 300)

    expect(tick(screen, 400, LIMIT)).toBe(screen)
  })
})
