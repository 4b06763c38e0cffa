import { describe, expect, it } from 'vitest'
import { NAME_LIMIT, TITLE_LIMIT } from '../../src/core/api'
import { named } from '../../src/core/languages'
import { TAGS, tagFor } from '../../src/i18n'
import { dictionaries } from '../dictionaries'

/** Whatever a message asks for is a three. */
const threes = new Proxy({}, { has: () => true, get: () => 3 })

/** Every word by its path. */
function flat(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]]
  if (typeof value === 'function') return [[path, (value as (values: object) => string)(threes)]]
  return Object.entries(value as object).flatMap(([name, inner]) => flat(inner, path ? `${path}.${name}` : name))
}

const english = new Map(flat(dictionaries.en))
// Names, and words that happen to be spelled alike.
const ALIKE =
  /^(product|tag)$|\.(wer|chrf|seconds|name|camera|position|transcript|title|page|auto|by|sound|reason\..*|no|controls)$/u

describe('the pages’ words', () => {
  it('are there in seven languages', () => {
    expect(TAGS).toEqual(['ca', 'de', 'en', 'es', 'fr', 'it', 'pt'])
    expect(Object.values(dictionaries).map(({ tag }) => tag)).toEqual(TAGS)
  })

  it.each(TAGS)('leave nothing out and nothing empty in %s', (tag) => {
    const words = new Map(flat(dictionaries[tag]))

    expect([...words.keys()].sort()).toEqual([...english.keys()].sort())
    expect([...words.values()].every((text) => text.trim() !== '')).toBe(true)
  })

  it.each(TAGS.filter((tag) => tag !== 'en'))('are not left in English in %s', (tag) => {
    const same = flat(dictionaries[tag]).filter(([path, text]) => !ALIKE.test(path) && english.get(path) === text)

    expect(same).toEqual([])
  })

  it.each(TAGS)('are plain in %s: no exclamation marks, no pleading', (tag) => {
    const shouting = flat(dictionaries[tag]).filter(([, text]) =>
      /[!¡]|\b(please|successfully|veuillez|bitte sehr|por favor|con éxito|com sucesso|prego|per favore|con successo|si us plau|amb èxit)\b/iu.test(
        text,
      ),
    )

    expect(shouting).toEqual([])
  })

  it.each([
    ['de', /(?<!\p{L})(Ihnen|Ihre?[mnrs]?|(wählen|laden|prüfen|können) Sie)(?!\p{L})|zurück/u],
    ['es', /(?<!\p{L})(usted(es)?|su voz|vuestr[oa]s?|vosotros)(?!\p{L})/iu],
    ['fr', /(?<!\p{L})(tu|toi|ton|tes)(?!\p{L})/iu],
    ['it', /(?<!\p{L})(Lei|Suo|Suoi|Sua|Sue|voi|vostr[oaie])(?!\p{L})/u],
    ['ca', /(?<!\p{L})(tu|et|teus?|teva|teves|vostès?)(?!\p{L})/iu],
    ['pt', /(?<!\p{L})(tu|teus?|tuas?|contigo|o senhor)(?!\p{L})/iu],
  ])('address people in %s in one form only', (tag, other) => {
    expect(flat(dictionaries[tag]).filter(([, text]) => other.test(text))).toEqual([])
  })

  it('call what is behind the captions a background, light as it may be', () => {
    const called = Object.values(dictionaries).map((words) => words.settings.backdrop)

    expect(called).toEqual(['Fons', 'Hintergrund', 'Background', 'Fondo', 'Arrière-plan', 'Sfondo', 'Fundo'])
  })

  it.each([
    ['fr', 'en', 'de l’anglais'],
    ['fr', 'fr', 'du français'],
    ['fr', 'hu', 'du hongrois'],
    ['fr', 'iw', 'de l’hébreu'],
    ['it', 'en', 'dall’inglese'],
    ['it', 'es', 'dallo spagnolo'],
    ['it', 'fr', 'dal francese'],
    ['ca', 'es', 'de l’espanyol'],
    ['ca', 'fr', 'del francès'],
    ['ca', 'hu', 'de l’hongarès'],
    ['ca', 'yo', 'del ioruba'],
  ])('name a language in %s with the article that it asks for: %s is %s', (tag, from, said) => {
    expect(dictionaries[tag]!.language.from(named(from, tag))).toBe(said)
  })

  it('count as each language does', () => {
    const lines = (tag: string) => [0, 1, 2].map((count) => dictionaries[tag]!.transcript.lines({ count }))

    expect(lines('en')).toEqual(['0 lines', '1 line', '2 lines'])
    expect(lines('fr')).toEqual(['0 ligne', '1 ligne', '2 lignes'])
    expect(lines('it')).toEqual(['0 righe', '1 riga', '2 righe'])
  })

  it('know whether anybody is here, and how many may be', () => {
    const { people, peopleOf } = dictionaries.en!.prejoin

    expect([0, 1, 2].map((count) => people({ count }))).toEqual([
      'Nobody is here yet',
      'One person is here',
      '2 people are here',
    ])
    expect([0, 1, 2].map((count) => peopleOf({ count, limit: 12 }))).toEqual([
      'Nobody is here yet',
      '1 of 12 people are here',
      '2 of 12 people are here',
    ])
  })

  it.each(TAGS)('name the limits that the fields have in %s', (tag) => {
    const { bad_name, bad_title } = dictionaries[tag]!.errors

    expect([bad_name, bad_title].map((sentence) => /1\D+(\d+)/.exec(sentence)?.[1])).toEqual([
      String(NAME_LIMIT),
      String(TITLE_LIMIT),
    ])
  })

  it('go by choice, then by the browser, then English', () => {
    expect(tagFor('de', ['fr'])).toBe('de')
    expect(tagFor('', ['eu', 'pt-BR', 'fr'])).toBe('pt')
    expect(tagFor('', ['eu', 'ca-ES', 'es'])).toBe('ca')
    expect(tagFor('', ['eu'])).toBe('en')
  })
})
