/** Frames for tests, made from what matters to each. */
import type { Frame } from '../../src/core/wire'

let made = 0

export function frame(part: Partial<Frame>): Frame {
  made += 1
  const final = part.final ?? false
  const text = part.text ?? 'Hola a todos.'
  return {
    v: 1,
    id: `s${made}`,
    rev: 1,
    seq: final ? made : null,
    epoch: 1,
    lang: 'es',
    source: 'en',
    identity: 'ben',
    track: 'TR_1',
    speaker: null,
    text,
    stable: final ? Array.from(text).length : 0,
    final,
    start: made,
    end: made + 1,
    at: 1_000 + made,
    engine: 'test',
    ...part,
  }
}
