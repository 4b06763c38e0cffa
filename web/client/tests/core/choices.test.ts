import { describe, expect, it } from 'vitest'
import { noChoices, plainLook, resolve, suggest, untangle, type Choices } from '../../src/core/choices'
import type { Language } from '../../src/core/api'

const chosen = (part: Partial<Choices>): Choices => ({ ...noChoices(), ...part })
const wishes = (part: Partial<Choices>) => resolve(chosen(part), plainLook(), 'de')

describe('what choices come to', () => {
  it('three separate choices', () => {
    expect(wishes({ speaks: 'es', reads: 'fr', hears: 'en' })).toEqual({
      speaks: 'es',
      reads: 'fr',
      hears: 'en',
      also: '',
    })
  })

  it('reading the same as heard, or as spoken where originals are heard', () => {
    expect(wishes({ speaks: 'es', reads: 'same', hears: 'fr' }).reads).toBe('fr')
    expect(wishes({ speaks: 'es', reads: 'same', hears: 'original' }).reads).toBe('es')
    expect(wishes({ speaks: 'auto', reads: 'same', hears: 'original' }).reads).toBe('de')
  })

  it('hearing the same as read, or nothing but originals', () => {
    expect(wishes({ speaks: 'es', reads: 'fr', hears: 'same' }).hears).toBe('fr')
    expect(wishes({ speaks: 'es', reads: 'off', hears: 'same' }).hears).toBe('es')
    expect(wishes({ hears: 'original', reads: 'off' })).toMatchObject({ reads: '', hears: '' })
  })

  it('never both following the other', () => {
    const before = chosen({ speaks: 'es', reads: 'same', hears: 'fr' })

    expect(untangle(before, { ...before, hears: 'same' }, 'de')).toMatchObject({ reads: 'fr', hears: 'same' })
  })

  it('no second language that is the first', () => {
    expect(resolve(chosen({ reads: 'fr' }), { ...plainLook(), also: 'fr' }, 'de').also).toBe('')
  })
})

describe('what a newcomer finds chosen', () => {
  const languages: Language[] = [
    { tag: 'es', speak: { grade: 'good' }, read: { from: { en: { grade: 'good' } } }, hear: { grade: 'rough' } },
    { tag: 'ca', speak: { grade: 'good' } },
  ]

  it('their browser’s language', () => {
    expect(suggest(noChoices(), languages, ['es-ES'])).toMatchObject({ speaks: 'es', reads: 'same', hears: 'es' })
  })

  it('finding out and the original where theirs is not served', () => {
    expect(suggest(noChoices(), languages, ['eu'])).toMatchObject({ speaks: 'auto', hears: 'original' })
    expect(suggest(noChoices(), languages, ['ca'])).toMatchObject({ speaks: 'ca', hears: 'original' })
  })

  it('what they chose before, while it is still served', () => {
    const before = chosen({ speaks: 'ca', hears: 'fr', reads: 'off' })

    expect(suggest(before, languages, ['es'])).toMatchObject({ speaks: 'ca', hears: 'es', reads: 'off' })
  })

  it('what they chose before while nothing is known of the engines', () => {
    expect(suggest(chosen({ hears: 'fr' }), [], ['es'])).toMatchObject({ hears: 'fr', speaks: 'auto' })
  })
})
