import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Verifier } from '../../src/core/verifier'
import type { Interpreter } from '../../src/core/interpreter'
import type { Cue, Frame } from '../../src/core/wire'

interface Golden {
  key: object
  epoch: number
  frame: string
}
const golden = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../../tests/wire/${name}.json`, import.meta.url), 'utf8')) as Golden
const final = golden('01-valid-final')
const cue = golden('06-valid-cue-started')
const forged = golden('09-signed-with-another-key')
const old = golden('12-of-an-older-epoch')

const interpreter = (change: Partial<Interpreter> = {}): Interpreter => ({
  identity: 'interpreter-1',
  epoch: final.epoch,
  key: JSON.stringify(final.key),
  state: 'listening',
  languages: ['es'],
  keeps: 'nothing',
  keeping: '',
  zero: 0,
  detected: {},
  spoken: {},
  suggested: {},
  unheard: [],
  alike: [],
  ...change,
})

async function opened(change: Partial<Interpreter> = {}) {
  const captions: Frame[] = []
  const cues: Cue[] = []
  const verifier = new Verifier({ caption: (one) => captions.push(one), cue: (one) => cues.push(one) })
  await verifier.trust(interpreter(change))
  return { verifier, captions, cues }
}

describe('the verifier', () => {
  it('lets the interpreter’s own frames in', async () => {
    const { verifier, captions, cues } = await opened()

    await verifier.caption(final.frame, 'interpreter-1', 'es')
    await verifier.cue(new TextEncoder().encode(cue.frame), 'interpreter-1', 'es')

    expect([captions.length, cues.length, verifier.counts.dropped]).toEqual([1, 1, {}])
  })

  it('drops and counts what is forged, old, foreign or on the wrong carrier', async () => {
    const { verifier, captions } = await opened()

    await verifier.caption(forged.frame, 'interpreter-1', 'es')
    await verifier.caption(old.frame, 'interpreter-1', 'es')
    await verifier.caption(final.frame, 'guest-1', 'es')
    await verifier.caption(final.frame, 'interpreter-1', 'fr')
    await verifier.caption('{"text":"hello"}', 'interpreter-1', 'es')

    expect(captions).toEqual([])
    expect(verifier.counts.dropped).toEqual({
      bad_signature: 1,
      bad_epoch: 1,
      bad_sender: 1,
      bad_carrier: 1,
      malformed: 1,
    })
  })

  it('lets nobody in before there is an interpreter, nor without its key', async () => {
    const { verifier, captions } = await opened({ key: '' })

    await verifier.caption(final.frame, 'interpreter-1', 'es')
    await verifier.trust(null)
    await verifier.caption(final.frame, 'interpreter-1', 'es')

    expect([captions.length, verifier.counts.dropped]).toEqual([0, { early: 2 }])
  })

  it('lets what arrives while the key is being read wait for it', async () => {
    const { verifier, captions } = await opened({ key: '' })

    const trusting = verifier.trust(interpreter())
    await verifier.caption(final.frame, 'interpreter-1', 'es')
    await trusting

    expect(captions).toHaveLength(1)
  })

  it('says so when a key cannot be used', async () => {
    await expect(opened({ key: '{"kty":"RSA"}' })).rejects.toMatchObject({ code: 'malformed' })
  })

  it('keeps the order in which frames came', async () => {
    const { verifier, captions } = await opened()

    await Promise.all(
      [final, golden('02-valid-interim'), golden('03-valid-final-of-a-voice-within-the-track')].map((one) =>
        verifier.caption(one.frame, 'interpreter-1', 'es'),
      ),
    )

    expect(captions.map((one) => [one.final, one.speaker])).toEqual([
      [true, null],
      [false, null],
      [true, 'B'],
    ])
  })
})
