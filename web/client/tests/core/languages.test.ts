import { describe, expect, it, test } from 'vitest'
import golden from '../../../../tests/data/languages.json'
import type { Grade, Language } from '../../src/core/api'
import { guestWishes, talkFor } from '../../src/core/guest'
import {
  baseOf,
  directionOf,
  figuresOf,
  fitting,
  found,
  gradeOf,
  isOnlySpoken,
  missing,
  nameOf,
  options,
  sameLanguage,
  unreached,
  withoutAccents,
} from '../../src/core/languages'

const read = (tag: string, from: Record<string, Grade>, more: Partial<Language> = {}): Language => ({
  tag,
  read: { from: Object.fromEntries(Object.entries(from).map(([source, grade]) => [source, { grade }])) },
  ...more,
})
const served = [
  read('it', { en: 'fair' }),
  read('fr', { en: 'good' }),
  read('es', { en: 'good' }, { hear: { grade: 'rough' } }),
  read('ca', { en: 'rough', es: 'good' }),
  read('ja', {}, { speak: { grade: 'good' } }),
]
const order = (browser: string[]) => options(served, 'read', browser, 'en').map((option) => option.tag)

test.each(Object.entries(golden.base))('of %s the language alone is %s', (tag, alone) => {
  expect(baseOf(tag)).toBe(alone)
})

test.each(golden.same as [string, string, boolean][])('who reads %s reads %s: %s', (one, other, same) => {
  expect([sameLanguage(one, other), sameLanguage(other, one)]).toEqual([same, same])
})

describe('languages to choose from', () => {
  it('has the browser’s first, good before rough, and what is not served last', () => {
    expect(order(['ca-ES', 'en'])).toEqual(['ca', 'fr', 'es', 'it', 'en', 'ja'])
  })

  it('shows the browser’s language greyed when it is not served at all', () => {
    const option = options(served, 'read', ['eu'], 'en').find((one) => one.tag === 'eu')

    expect(option).toMatchObject({ grade: null, preferred: true })
  })

  it('judges reading by the languages that are spoken', () => {
    expect(gradeOf(served[3]!, 'read', ['es'])).toBe('good')
    expect(gradeOf(served[3]!, 'read', ['es', 'en'])).toBe('rough')
    expect(gradeOf(served[3]!, 'read', ['pt'])).toBe('good')
    expect(gradeOf(served[4]!, 'read')).toBeNull()
  })

  it('has a voice only where there are words to say', () => {
    const languages: Language[] = [
      { tag: 'en-US', hear: { grade: 'rough' } },
      read('en', { es: 'good' }, { hear: { grade: 'good' } }),
    ]

    expect(gradeOf(languages[0]!, 'hear')).toBeNull()
    expect([missing(languages[0], 'hear'), missing({ tag: 'x' }, 'hear')]).toEqual(['read', 'hear'])
    expect(options(languages, 'hear', ['en-US'], 'en')[0]).toMatchObject({ tag: 'en', preferred: true })
  })

  it('has one entry a language, unless a variant is really another one', () => {
    const languages = [
      read('fr', { en: 'good' }),
      read('fr-BE', { en: 'good' }),
      read('zh', { en: 'fair' }),
      read('zh-Hant', { en: 'rough' }),
      read('cmn-Hans', { en: 'good' }),
    ]

    expect(withoutAccents(languages).map(({ tag }) => tag)).toEqual(['fr', 'zh', 'zh-Hant', 'cmn-Hans'])
  })

  it('lists the figures behind the word, best first', () => {
    expect(figuresOf(served[3]!, 'read').map(({ from }) => from)).toEqual(['es', 'en'])
    expect(figuresOf(served[0]!, 'hear')).toEqual([])
  })

  it('knows languages by their own names', () => {
    expect([nameOf('es'), nameOf('de', 'fr'), nameOf('not a tag')]).toEqual(['Español', 'Allemand', 'not a tag'])
  })

  it('finds them by either name or tag, without marks', () => {
    const tags = (query: string) => found(options(served, 'read', [], 'de'), query).map(({ tag }) => tag)

    expect(['espanol', 'Spanisch', 'ES'].map((query) => tags(query)[0])).toEqual(['es', 'es', 'es'])
    expect(tags('')).toHaveLength(served.length)
    expect(tags('zz')).toEqual([])
  })

  it('finds first what goes by the letters typed, then names that begin so, its own before the interface’s', () => {
    const all = ['bn', 'fi', 'da', 'nl', 'yi', 'de', 'sv'].map((tag) => read(tag, { en: 'good' }))
    const tags = (query: string, locale: string) => found(options(all, 'read', [], locale), query).map(({ tag }) => tag)

    expect(tags('de', 'en')).toEqual(['de', 'nl'])
    expect(tags('de', 'fr')[0]).toBe('de')
    expect(tags('d', 'en').slice(0, 3)).toEqual(['da', 'de', 'nl'])
    expect(tags('sw', 'en')[0]).toBe('sv')
  })

  it('are offered under names, not under codes that nobody knows', () => {
    const all = ['qdb', 'mto', 'zh', 'zh-Hant', 'hsb'].map((tag) => read(tag, { en: 'good' }))
    const named = options(all, 'read', [], 'de').map(({ tag, name, local }) => [tag, name, local])

    expect(named.map(([tag]) => tag).sort()).toEqual(['hsb', 'zh', 'zh-Hant'])
    expect(new Set(named.map(([, name]) => name)).size).toBe(3)
    expect(named.every(([tag, name, local]) => name !== tag && local !== tag)).toBe(true)
  })

  it('can be read where they are spoken, though nothing is translated into them', () => {
    const german = read('de', { de: 'fair' }, { hear: { grade: 'rough' }, speak: { grade: 'fair' } })
    const option = options([german, ...served], 'read', [], 'en').find(({ tag }) => tag === 'de')

    expect(option).toMatchObject({ grade: 'fair', onlySpoken: true })
    expect([gradeOf(german, 'hear'), isOnlySpoken(read('es', { es: 'good', en: 'good' }))]).toEqual([null, false])
    expect(gradeOf(read('es', { es: 'good', en: 'rough' }), 'read', ['es', 'en'])).toBe('rough')
  })

  it('say of which spoken ones nothing can be read', () => {
    const german = read('de', { de: 'fair' })
    const spanish = read('es', { es: 'good', en: 'good' })

    expect(unreached([german, spanish], 'de', ['de', 'en', 'en'])).toEqual(['en'])
    expect(unreached([german, spanish], 'es', ['en-GB', 'es-MX'])).toEqual([])
    expect(unreached([german, spanish], 'fi', ['en'])).toEqual([])
  })

  it('fits a browser’s tag to what is served', () => {
    expect(fitting('pt-BR', ['pt', 'pt-BR'])).toBe('pt-BR')
    expect(fitting('pt-PT', ['pt-BR', 'pt'])).toBe('pt')
    expect(fitting('zh-Hant-TW', ['zh-Hans'])).toBe('zh-Hans')
    expect(fitting('eu', ['es'])).toBeNull()
  })

  it('sets right-to-left languages right', () => {
    expect(['ar', 'he-IL', 'fa', 'ur', 'es'].map(directionOf)).toEqual(['rtl', 'rtl', 'rtl', 'rtl', 'ltr'])
  })
})

describe('a guest of the recorded talk', () => {
  const talks = ['en', 'es'].map((language) => ({
    file: `${language}.mp3`,
    title: '',
    language,
    seconds: 60,
    licence: '',
    attribution: '',
  }))
  const voices = [
    read('es', { en: 'good' }, { hear: { grade: 'rough' } }),
    read('fr', { en: 'good' }),
    read('en', { es: 'good' }, { hear: { grade: 'good' } }),
  ]

  it('hears the first talk unless another is asked for', () => {
    expect(talkFor(talks, null)?.language).toBe('en')
    expect(talkFor(talks, 'es')?.language).toBe('es')
    expect(talkFor([], null)).toBeNull()
  })

  it('reads and hears the browser’s language', () => {
    expect(guestWishes(talks[0]!, voices, ['es-AR'])).toEqual({ speaks: 'auto', reads: 'es', hears: 'es', also: '' })
  })

  it('reads and hears Spanish where the browser’s is the talk’s own or not served', () => {
    expect(guestWishes(talks[0]!, voices, ['en-GB']).reads).toBe('es')
    expect(guestWishes(talks[0]!, voices, ['eu']).reads).toBe('es')
  })

  it('hears the original where its language has no voice', () => {
    expect(guestWishes(talks[0]!, voices, ['fr'])).toMatchObject({ reads: 'fr', hears: '' })
  })

  it('reads another language than a Spanish talk’s', () => {
    expect(guestWishes(talks[1]!, voices, ['es'])).toMatchObject({ reads: 'en', hears: 'en' })
  })
})
