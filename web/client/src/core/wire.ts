/** Captions and cues out of signed bytes; nothing else in the pages knows the format. */
import { compactVerify, errors, importJWK, type CryptoKey, type JWK } from 'jose'
import * as v from 'valibot'

export const FRAME_LIMIT = 15_000
const TEXT_LIMIT = 1_000

export type WireCode = 'malformed' | 'bad_signature' | 'bad_epoch' | 'bad_shape' | 'too_large'

/** Bytes that are not a frame we can trust. The message never repeats what they hold. */
export class WireError extends Error {
  constructor(readonly code: WireCode) {
    super(code)
    this.name = 'WireError'
  }
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const tag = text(2, 35)

/** Lengths count characters as Python does: code points, not UTF-16 units. */
function text(least: number, most: number) {
  return v.pipe(
    v.string(),
    v.check((value) => {
      const { length } = Array.from(value)
      return length >= least && length <= most
    }),
  )
}

const Frame = v.pipe(
  v.object({
    v: v.literal(1),
    id: text(1, 64),
    rev: count,
    seq: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))),
    epoch: count,
    lang: tag,
    source: tag,
    identity: text(1, 256),
    track: text(0, 256),
    speaker: v.nullable(text(0, 256)),
    text: text(1, TEXT_LIMIT),
    stable: count,
    final: v.boolean(),
    start: v.number(),
    end: v.number(),
    at: count,
    engine: text(0, 256),
  }),
  v.check((frame) => frame.final === (frame.seq !== null)),
)

const Cue = v.object({
  v: v.literal(1),
  epoch: count,
  lang: tag,
  id: text(1, 64),
  identity: text(1, 256),
  event: v.picklist(['started', 'ended', 'skipped']),
  behind: v.number(),
  at: count,
})

/** One caption's whole current state. `stable` counts code points of `text`. */
export type Frame = v.InferOutput<typeof Frame>
/** What the voice of a language is doing; `behind` is seconds from the clause's end to its voice. */
export type Cue = v.InferOutput<typeof Cue>
export type Key = CryptoKey

/** A key out of the attribute `dragoman.key`. Throws `WireError`. */
export async function publicKey(jwk: string): Promise<Key> {
  let parsed: JWK
  try {
    parsed = JSON.parse(jwk) as JWK
    if (parsed.kty !== 'OKP' || parsed.crv !== 'Ed25519' || parsed.d !== undefined) throw new WireError('malformed')
    const key = await importJWK(parsed, 'EdDSA')
    if (key instanceof Uint8Array) throw new WireError('malformed')
    return key
  } catch {
    throw new WireError('malformed')
  }
}

/** The caption in a frame. Throws `WireError` for anything we should not trust. */
export function readCaption(data: string | Uint8Array, key: Key, epoch: number): Promise<Frame> {
  return read(data, key, epoch, Frame)
}

/** The cue in a frame. Throws `WireError` for anything we should not trust. */
export function readCue(data: string | Uint8Array, key: Key, epoch: number): Promise<Cue> {
  return read(data, key, epoch, Cue)
}

async function read<T extends { epoch: number }>(
  data: string | Uint8Array,
  key: Key,
  epoch: number,
  shape: v.GenericSchema<unknown, T>,
): Promise<T> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
  if (bytes.length > FRAME_LIMIT) throw new WireError('too_large')
  const { payload, kid } = await verify(bytes, key)
  const value = v.safeParse(shape, json(payload), { abortEarly: true })
  if (!value.success) throw new WireError('bad_shape')
  if (value.output.epoch !== epoch || kid !== String(epoch)) throw new WireError('bad_epoch')
  return value.output
}

async function verify(bytes: Uint8Array, key: Key): Promise<{ payload: Uint8Array; kid: string | undefined }> {
  try {
    const { payload, protectedHeader } = await compactVerify(bytes, key, { algorithms: ['EdDSA'] })
    return { payload, kid: protectedHeader.kid }
  } catch (error) {
    throw new WireError(error instanceof errors.JWSSignatureVerificationFailed ? 'bad_signature' : 'malformed')
  }
}

function json(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch {
    return undefined
  }
}
