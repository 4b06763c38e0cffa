import { describe, expect, it } from 'vitest'
import { NAME_LIMIT, TITLE_LIMIT } from '../../src/core/api'
import { dictionaries, wordsFor } from '../../src/i18n'

/** Every word by its path; functions are asked with plain arguments. */
function flat(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]]
  if (typeof value === 'function') return [[path, (value as (...args: unknown[]) => string)('3', 12)]]
  return Object.entries(value as object).flatMap(([name, inner]) => flat(inner, path ? `${path}.${name}` : name))
}

const english = new Map(flat(dictionaries.en))
// Names, and words that happen to be spelled alike.
const ALIKE = /^(product|tag)$|\.(wer|chrf|seconds|name|camera|position|transcript|title|page|auto|by|sound|reason\..*|no)$/u

describe('the pages’ words', () => {
  it('are there in five languages', () => {
    expect(Object.keys(dictionaries).sort()).toEqual(['de', 'en', 'es', 'fr', 'pt'])
  })

  it.each(Object.keys(dictionaries))('leave nothing out and nothing empty in %s', (tag) => {
    const words = new Map(flat(dictionaries[tag]))

    expect([...words.keys()].sort()).toEqual([...english.keys()].sort())
    expect([...words.values()].every((text) => text.trim() !== '')).toBe(true)
  })

  it.each(['es', 'fr', 'de', 'pt'])('are not left in English in %s', (tag) => {
    const same = flat(dictionaries[tag]).filter(([path, text]) => !ALIKE.test(path) && english.get(path) === text)

    expect(same).toEqual([])
  })

  it.each(Object.keys(dictionaries))('are plain in %s: no exclamation marks, no pleading', (tag) => {
    const shouting = flat(dictionaries[tag]).filter(([, text]) => /[!¡]|\b(please|successfully|veuillez|bitte sehr|por favor|con éxito|com sucesso)\b/iu.test(text))

    expect(shouting).toEqual([])
  })

  it.each([
    ['de', /(?<!\p{L})(Ihnen|Ihre?[mnrs]?|(wählen|laden|prüfen|können) Sie)(?!\p{L})|zurück/u],
    ['es', /(?<!\p{L})(usted(es)?|su voz|vuestr[oa]s?|vosotros)(?!\p{L})/iu],
    ['fr', /(?<!\p{L})(tu|toi|ton|tes)(?!\p{L})/iu],
    ['pt', /(?<!\p{L})(tu|teus?|tuas?|contigo|o senhor)(?!\p{L})/iu],
  ])('address people in %s in one form only', (tag, other) => {
    expect(flat(dictionaries[tag]).filter(([, text]) => other.test(text))).toEqual([])
  })

  it('call what is behind the captions a background, light as it may be', () => {
    const called = Object.values(dictionaries).map((words) => words.settings.backdrop)

    expect(called).toEqual(['Background', 'Fondo', 'Arrière-plan', 'Hintergrund', 'Fundo'])
  })

  it('name a language in French with the article that its sound asks for', () => {
    const from = dictionaries.fr!.language.from

    expect(['anglais', 'espagnol', 'français', 'hébreu', 'hongrois'].map(from)).toEqual(['de l’anglais', 'de l’espagnol', 'du français', 'de l’hébreu', 'du hongrois'])
  })

  it.each(Object.keys(dictionaries))('name the limits that the fields have in %s', (tag) => {
    const { bad_name, bad_title } = dictionaries[tag]!.errors

    expect([bad_name, bad_title].map((sentence) => /1\D+(\d+)/.exec(sentence)?.[1])).toEqual([String(NAME_LIMIT), String(TITLE_LIMIT)])
  })

  it('go by choice, then by the browser, then English', () => {
    expect(wordsFor('de', ['fr']).tag).toBe('de')
    expect(wordsFor('', ['eu', 'pt-BR', 'fr']).tag).toBe('pt')
    expect(wordsFor('', ['eu']).tag).toBe('en')
  })
})
