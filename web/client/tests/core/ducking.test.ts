import { describe, expect, it } from 'vitest'
import {
  dubLoudness,
  loudness,
  onCue,
  onLevel,
  silent,
  towards,
  type CueEvent,
  type Voice,
} from '../../src/core/ducking'

const started: CueEvent = { event: 'started', id: 'a', identity: 'ben', behind: 2.4 }
const ended: CueEvent = { ...started, event: 'ended' }

/** The dub is measured every 50 ms; it sounds in the given stretches of time. */
function run(
  cues: readonly (readonly [number, CueEvent])[],
  sounds: readonly (readonly [number, number])[],
  until: number,
): Map<number, Voice> {
  const states = new Map<number, Voice>()
  let voice = silent
  for (let now = 0; now <= until; now += 50) {
    for (const [at, cue] of cues) if (at === now) voice = onCue(voice, cue, now)
    const loud = sounds.some(([from, to]) => now >= from && now < to)
    voice = onLevel(voice, loud ? 0.1 : 0, now)
    states.set(now, voice)
  }
  return states
}

const spans = (states: Map<number, Voice>) => [...states].filter(([, voice]) => voice.sounding).map(([now]) => now)

describe('the original under the dub', () => {
  it('goes down with the cue and comes back within half a second of the end of the sound', () => {
    const sounding = spans(
      run(
        [
          [1_000, started],
          [4_000, ended],
        ],
        [[1_100, 4_100]],
        6_000,
      ),
    )

    expect(sounding[0]).toBe(1_000)
    // The volume's own way takes another 200 ms.
    expect(sounding.at(-1)! + 200).toBeLessThan(4_100 + 500)
    expect(sounding.at(-1)).toBeGreaterThanOrEqual(4_100)
  })

  it('stays down over a pause inside the sentence', () => {
    const states = run(
      [
        [1_000, started],
        [5_000, ended],
      ],
      [
        [1_100, 2_500],
        [3_600, 5_000],
      ],
      5_000,
    )

    expect([...states].filter(([now]) => now >= 1_000).every(([, voice]) => voice.sounding)).toBe(true)
  })

  it('follows what is heard when the cues got lost', () => {
    const sounding = spans(run([], [[1_000, 3_000]], 5_000))

    expect(sounding[0]).toBe(1_000)
    expect(sounding.at(-1)).toBeLessThan(3_000 + 300)
  })

  it('comes back when a voice was announced and never sounds, or its end is lost', () => {
    const never = spans(run([[1_000, started]], [], 6_000))
    const endless = spans(run([[1_000, started]], [[1_000, 2_000]], 6_000))

    expect(never.at(-1)).toBeLessThan(1_000 + 1_300)
    expect(endless.at(-1)).toBeLessThan(2_000 + 1_300)
  })

  it('trusts the cues alone where nothing can be measured', () => {
    let voice = onCue(silent, started, 0)
    for (let now = 0; now <= 6_000; now += 50) voice = onLevel(voice, null, now)
    expect(voice.sounding).toBe(true)

    voice = onLevel(onCue(voice, ended, 6_000), null, 6_300)
    expect(voice.sounding).toBe(false)
  })

  it('does not take the end of one clause for the end of the next', () => {
    const voice = onCue(onCue(silent, { ...started, id: 'b' }, 0), ended, 10)

    expect(voice.saying?.id).toBe('b')
  })

  it('remembers how far behind it is and what it skipped', () => {
    const voice = onCue(onCue(silent, started, 0), { ...started, event: 'skipped', behind: 9 }, 100)

    expect(voice).toMatchObject({ behind: 9, skipped: 100 })
  })

  it('lowers the speaker and others of foreign languages, never those who speak mine', () => {
    const voice = { ...silent, sounding: true, of: 'ben' }

    expect(loudness(voice, { identity: 'ben', language: 'en' }, 'me', 'es', 0.15)).toBe(0.15)
    expect(loudness(voice, { identity: 'carl', language: 'fr' }, 'me', 'es', 0.15)).toBe(0.15)
    expect(loudness(voice, { identity: 'ana', language: 'es-MX' }, 'me', 'es', 0.15)).toBe(1)
    expect(loudness(voice, { identity: 'ben', language: undefined }, 'me', 'es', 0.15)).toBe(0.15)
    expect(loudness(voice, { identity: 'dora', language: undefined }, 'me', 'es', 0.15)).toBe(1)
    expect(loudness(voice, { identity: 'ben', language: 'en' }, 'me', '', 0.15)).toBe(1)
    expect(loudness(silent, { identity: 'ben', language: 'en' }, 'me', 'es', 0.15)).toBe(1)
  })

  it('is silent where it says my own words, and lowers nobody for them', () => {
    const voice = { ...silent, sounding: true, of: 'me' }

    expect(dubLoudness(voice, 'me')).toBe(0)
    expect(dubLoudness(voice, 'ben')).toBe(1)
    expect(loudness(voice, { identity: 'ben', language: 'en' }, 'me', 'es', 0.15)).toBe(1)
  })

  it('moves a volume in steps, the whole way in a fifth of a second', () => {
    expect(towards(1, 0.15, 50)).toBeCloseTo(0.75)
    expect([1, 2, 3, 4].reduce((volume) => towards(volume, 0.15, 50), 1)).toBe(0.15)
    expect(towards(0.9, 1, 50)).toBe(1)
  })
})
