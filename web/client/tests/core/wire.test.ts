import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { publicKey, readCaption, readCue, WireError, type WireCode } from '../../src/core/wire'

interface Golden {
  name: string
  kind: 'caption' | 'cue'
  key: object
  epoch: number
  frame: string
  expect: object | null
  code: WireCode | null
}

const folder = new URL('../../../../tests/wire/', import.meta.url)
const golden = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden)

const codeOf = (wanted: Promise<unknown>) =>
  wanted.then(
    () => null,
    (error: unknown) => (error instanceof WireError ? error.code : String(error)),
  )

describe('the wire', () => {
  it('has golden frames to read', () => {
    expect(golden.length).toBeGreaterThan(20)
  })

  it.each(golden)('$name', async ({ kind, key, epoch, frame, expect: wanted, code }) => {
    const read = kind === 'caption' ? readCaption : readCue
    const opened = await publicKey(JSON.stringify(key))

    const reading = read(frame, opened, epoch)

    if (code === null) expect(await reading).toEqual(wanted)
    else expect(await codeOf(reading)).toBe(code)
  })

  it.each([
    '',
    '{}',
    'null',
    '{"kty":"oct","k":"AAAA"}',
    '{"kty":"OKP","crv":"Ed25519","x":"AA"}',
    '{"kty":"OKP","crv":"Ed25519","x":"1","d":"2"}',
  ])('refuses %s as a key', async (jwk) => {
    expect(await codeOf(publicKey(jwk))).toBe('malformed')
  })

  it('reads bytes as it reads text', async () => {
    const { key, epoch, frame, expect: wanted } = golden.find((one) => one.name === 'valid final')!

    const got = await readCaption(new TextEncoder().encode(frame), await publicKey(JSON.stringify(key)), epoch)

    expect(got).toEqual(wanted)
  })
})
