import { describe, expect, it } from 'vitest'
import { asText, record, search, skip, type Entries } from '../../src/core/transcript'
import { frame } from './frames'

const none: Entries = []
const nameOf = () => 'Ben'

describe('the transcript', () => {
  it('puts the original and its translations into one entry', () => {
    const said = { id: 'a', start: 1, final: true }

    const entries = [
      frame({ ...said, lang: 'es', text: 'Hola.' }),
      frame({ ...said, lang: 'en', text: 'Hello.' }),
    ].reduce((all, one) => record(all, one), none)

    expect(entries).toHaveLength(1)
    expect(entries[0]!.said).toMatchObject({ es: { text: 'Hola.' }, en: { text: 'Hello.' } })
  })

  it('orders by when it was said, however late it arrives', () => {
    const times = [3, 1, 2]

    const entries = times.reduce((all, start) => record(all, frame({ start, final: true })), none)

    expect(entries.map((entry) => entry.start)).toEqual([1, 2, 3])
  })

  it('keeps what an interpreter before said before what its successor says', () => {
    const entries = [frame({ epoch: 2, start: 0, final: true }), frame({ epoch: 1, start: 99, final: true })].reduce(
      (all, one) => record(all, one),
      none,
    )

    expect(entries.map((entry) => entry.epoch)).toEqual([1, 2])
  })

  it('keeps two clauses that began together apart', () => {
    const entries = ['a', 'b', 'a'].reduce((all, id) => record(all, frame({ id, start: 1, final: true })), none)

    expect(entries.map((entry) => entry.id)).toEqual(['a', 'b'])
  })

  it('takes finals only, and nothing twice', () => {
    const final = frame({ final: true })
    const once = record(none, final)

    expect(record(none, frame({}))).toBe(none)
    expect(record(once, final)).toBe(once)
  })

  it('lets the oldest go beyond its limit', () => {
    const entries = [1, 2, 3, 4].reduce(
      (all, start) => record(all, frame({ id: `s${start}`, start, final: true }), 0, 3),
      none,
    )

    expect(entries.map((entry) => entry.id)).toEqual(['s2', 's3', 's4'])
  })

  it('marks what the voice skipped', () => {
    const entries = record(none, frame({ id: 'a', final: true }))

    expect(skip(entries, 'a')[0]!.skipped).toBe(true)
    expect(skip(entries, 'unknown')).toBe(entries)
  })

  it('finds text in any language whatever its marks and case', () => {
    const entries = record(
      record(none, frame({ id: 'a', text: '¿Qué más?', final: true })),
      frame({ id: 'b', text: 'Nada.', final: true }),
    )

    expect(search(entries, 'QUE', nameOf).map((entry) => entry.id)).toEqual(['a'])
    expect(search(entries, 'ben', nameOf)).toHaveLength(2)
    expect(search(entries, '  ', nameOf)).toBe(entries)
  })

  it('is copied as time, name, original and translation', () => {
    const said = { id: 'a', start: 1, final: true }
    const entries = record(
      record(none, frame({ ...said, lang: 'en', text: 'Hello.' })),
      frame({ ...said, lang: 'es', text: 'Hola.' }),
    )

    expect(asText(entries, 'es', nameOf, () => '10:42')).toBe('10:42 Ben\nHello.\nHola.')
  })

  it('takes ten hours of lines without losing its breath', () => {
    let entries = none
    const began = performance.now()

    for (let at = 0; at < 8_000; at += 1) entries = record(entries, frame({ id: `s${at}`, start: at, final: true }))

    expect(entries).toHaveLength(8_000)
    expect(performance.now() - began).toBeLessThan(4_000)
  })
})
