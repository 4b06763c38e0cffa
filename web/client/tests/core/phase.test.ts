import { describe, expect, it } from 'vitest'
import { interpreterAmong } from '../../src/core/interpreter'
import { phaseOf, toneOf, type Situation } from '../../src/core/phase'

const interpreter = {
  identity: 'interpreter-1',
  epoch: 1,
  key: 'k',
  state: 'listening',
  languages: ['en', 'es'],
  keeps: 'nothing',
  keeping: '',
  zero: 0,
  detected: {},
  spoken: {},
  suggested: {},
  unheard: [],
  alike: [],
}
const calm: Situation = {
  connection: 'connected',
  interpreter,
  had: true,
  unreadable: false,
  refused: {},
  wishes: { speaks: 'es', reads: 'es', hears: 'es', also: '' },
}
const phase = (change: Partial<Situation>) => phaseOf({ ...calm, ...change })
const inState = (state: string) => phase({ interpreter: { ...interpreter, state } }).is

describe('the state line', () => {
  it('says the one thing that matters', () => {
    expect(phase({})).toEqual({ is: 'interpreting', languages: ['en', 'es'] })
    expect(phase({ connection: 'reconnecting' }).is).toBe('reconnecting')
    expect(phase({ connection: 'connecting' }).is).toBe('connecting')
    expect(phase({ interpreter: null, had: false }).is).toBe('absent')
    expect(phase({ interpreter: null, had: false, called: 'starting' }).is).toBe('starting')
    expect(phase({ interpreter: null, had: false, called: 'no_worker_free' }).is).toBe('no_worker_free')
    expect(phase({ interpreter: null, had: true, called: 'no_worker_free' }).is).toBe('no_worker_free')
    expect(phase({ interpreter: null, had: true }).is).toBe('bringing_back')
    expect(phase({ unreadable: true }).is).toBe('unreadable')
    expect(inState('starting')).toBe('starting')
    expect(inState('encrypted')).toBe('encrypted')
    expect(toneOf({ is: 'encrypted' })).toBe('bad')
    expect(inState('degraded')).toBe('degraded')
    expect(inState('slower')).toBe('degraded')
    expect(inState('merging')).toBe('degraded')
    expect(inState('captions_only')).toBe('captions_only')
    expect(inState('skipping')).toBe('skipping')
    expect(inState('engines_away')).toBe('engines_away')
  })

  it('names a language that is refused', () => {
    const wishes = { ...calm.wishes, hears: 'ca' }

    expect(phase({ wishes, refused: { ca: 'not_served' } })).toEqual({ is: 'no_voice', tag: 'ca' })
    expect(phase({ refused: { es: 'not_served' } })).toEqual({ is: 'no_captions', tag: 'es' })
    expect(phase({ wishes, refused: { ca: 'too_many_languages' } })).toEqual({ is: 'too_many_languages', tag: 'ca' })
  })

  it('does not take a missing voice for missing words', () => {
    expect(phase({ refused: { es: 'no_voice' } })).toEqual({ is: 'no_voice', tag: 'es' })
  })

  it('names a spoken language that is not translated into the one that is read', () => {
    expect(phase({ unreached: ['de'] })).toEqual({ is: 'untranslated', tag: 'es', from: 'de' })
    expect(phase({ unreached: ['de'], wishes: { ...calm.wishes, reads: '' } }).is).toBe('interpreting')
  })

  it('is not alarmed when nothing is wanted', () => {
    const said = phase({ wishes: { speaks: 'es', reads: '', hears: '', also: '' } })

    expect([said.is, toneOf(said)]).toEqual(['nothing_wanted', 'quiet'])
  })
})

describe('whom to trust', () => {
  const agent = (identity: string, epoch: string, more: Record<string, string> = {}) => ({
    identity,
    isAgent: true,
    attributes: { 'dragoman.epoch': epoch, 'dragoman.key': 'k', ...more },
  })

  it('the agent with the highest epoch', () => {
    expect(interpreterAmong([agent('interpreter-a', '5'), agent('interpreter-b', '7')])?.identity).toBe('interpreter-b')
  })

  it('nobody who merely calls themselves so', () => {
    expect(interpreterAmong([{ ...agent('interpreter-a', '9'), isAgent: false }, agent('helper', '9')])).toBeNull()
    expect(interpreterAmong([agent('interpreter-a', 'soon')])).toBeNull()
    expect(interpreterAmong([agent('interpreter-a', '-1')])).toBeNull()
  })

  it('one without a key only while no other has one', () => {
    const fresh = agent('interpreter-b', '7', { 'dragoman.key': '' })

    expect(interpreterAmong([fresh])?.identity).toBe('interpreter-b')
    expect(interpreterAmong([agent('interpreter-a', '5'), fresh])?.identity).toBe('interpreter-a')
  })

  it('reads its attributes, and forgives nonsense in them', () => {
    const read = interpreterAmong([
      agent('interpreter-a', '5', {
        'dragoman.languages': 'en,es',
        'dragoman.alike': 'es',
        'dragoman.detected': '{"ben":"en","x":3}',
      }),
    ])
    const nonsense = interpreterAmong([agent('interpreter-a', '5', { 'dragoman.detected': '[' })])

    expect(read).toMatchObject({ languages: ['en', 'es'], alike: ['es'], detected: { ben: 'en' } })
    expect(nonsense?.detected).toEqual({})
  })
})
