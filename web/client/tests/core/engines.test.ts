import { describe, expect, it } from 'vitest'
import { licenceOf, partsOf } from '../../src/core/engines'
import { clock } from '../../src/react/figures'
import { dictionaries } from '../dictionaries'

describe('engines', () => {
  it('have names for people, and models after them', () => {
    expect(partsOf('whisper-base')).toEqual([{ name: 'Whisper base', known: 'whisper' }])
    expect(partsOf('piper+espeak-ng').map(({ name }) => name)).toEqual(['Piper', 'eSpeak NG'])
    expect(partsOf('bergamot+apertium').map(({ known }) => known)).toEqual(['bergamot', 'apertium'])
  })

  it('that nobody here knows go by their own names', () => {
    expect(partsOf('openai.STT:whisper-1')).toEqual([{ name: 'openai.STT:whisper-1', known: null }])
  })

  it('have licences whose names are the same in every language', () => {
    expect(licenceOf('GPL-3.0-or-later, in a process of its own; each voice has its own licence (Joe: CC0)')).toEqual({
      names: ['GPL-3.0-or-later', 'CC0'],
      noncommercial: false,
    })
    expect(licenceOf('Coqui Public Model License (XTTS v2), not for commercial use')).toEqual({
      names: ['Coqui Public Model License'],
      noncommercial: true,
    })
    expect(licenceOf('CC-BY-NC-4.0')).toEqual({ names: ['CC-BY-NC-4.0'], noncommercial: true })
    expect(licenceOf('x: the terms of api.example; plugin')).toEqual({ names: [], noncommercial: false })
  })
})

describe('times', () => {
  const at = new Date(2026, 10, 30, 15, 5).getTime()

  it('follow the browser’s region, whatever the interface speaks', () => {
    const said = (tag: string, home: string) => clock(dictionaries[tag]!, at, home).replaceAll(/\s/g, ' ')

    expect(said('en', 'de-DE')).toBe('15:05')
    expect(said('en', 'en-GB')).toBe('15:05')
    expect(said('en', 'en-US')).toBe('03:05 PM')
    expect(said('de', 'en-US')).toBe('03:05 PM')
    expect(said('es', 'es-ES')).toBe('15:05')
  })
})
