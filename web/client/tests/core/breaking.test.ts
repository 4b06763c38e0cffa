import { describe, expect, it } from 'vitest'
import { columns, reading, flow, textOf, tokens, width } from '../../src/core/breaking'

const broken = (text: string, lang: string, limit: number) =>
  flow([], tokens(text, lang, Infinity, 's'), limit).map(textOf)

describe('breaking lines', () => {
  it('breaks between words and never over the limit', () => {
    const rows = broken('Vamos a empezar por el presupuesto, porque decide qué más podemos hacer este año.', 'es', 40)

    expect(rows).toEqual(['Vamos a empezar por el presupuesto,', 'porque decide qué más podemos hacer este', 'año.'])
  })

  it('leaves what stands in place when more is added', () => {
    const text = 'one two three four five six seven eight nine ten eleven twelve'
    const whole = broken(text, 'en', 12)

    for (let count = 1; count <= 12; count += 1) {
      const part = broken(text.split(' ').slice(0, count).join(' '), 'en', 12)
      expect(whole.slice(0, part.length - 1)).toEqual(part.slice(0, -1))
      expect(whole[part.length - 1]!.startsWith(part.at(-1)!)).toBe(true)
    }
  })

  it('goes on in the last row when a new clause follows', () => {
    const first = flow([], tokens('Hola a todos.', 'es', Infinity, 'a'), 40)

    const both = flow(first, tokens('Gracias.', 'es', Infinity, 'b'), 40)

    expect(both.map(textOf)).toEqual(['Hola a todos. Gracias.'])
    expect(both[0]!.map((token) => token.id)).toEqual(['a', 'a', 'a', 'b'])
  })

  it('breaks scripts without spaces at words, with wide signs counted double', () => {
    const rows = broken('皆さん、おはようございます。今日は予算から始めます。', 'ja', 20)

    expect(rows.join('')).toBe('皆さん、おはようございます。今日は予算から始めます。')
    expect(rows.every((row) => columns(row) <= 20)).toBe(true)
    expect(rows.some((row) => /^[、。]/u.test(row))).toBe(false)
  })

  it('gives a word that is longer than a line a line of its own', () => {
    expect(broken('a Donaudampfschifffahrtsgesellschaft b', 'de', 10)).toEqual([
      'a',
      'Donaudampfschifffahrtsgesellschaft',
      'b',
    ])
  })

  it('counts settled characters as code points, and a word is settled only as a whole', () => {
    const marks = tokens('🎈 uno dos', 'es', 5, 's').map((token) => token.settled)

    expect(marks).toEqual([true, true, false])
  })

  it('takes spaces of any kind and an empty text', () => {
    expect(broken('  uno \n dos\t', 'es', 40)).toEqual(['uno dos'])
    expect(broken('   ', 'es', 40)).toEqual([])
  })

  it('lets a line stay 1.5 s and 0.3 s a word', () => {
    expect(reading(tokens('uno dos tres', 'es', 0, 's'))).toBe(2_400)
    expect(reading(tokens('今日は', 'ja', 0, 's'))).toBeGreaterThan(1_500)
  })

  it('measures a row with its gaps', () => {
    expect(width(tokens('ab cd', 'en', 0, 's'))).toBe(5)
  })
})
