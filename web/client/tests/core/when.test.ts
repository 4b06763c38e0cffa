import { describe, expect, it } from 'vitest'
import { isLive, spokenAt } from '../../src/core/when'
import { frame } from './frames'

const zero = 1_700_000_000_000
const said = frame({ start: 60, end: 63, at: zero + 65_000, final: true })

describe('when a clause was said', () => {
  it('is told by the room clock, however late its frame was made', () => {
    expect(spokenAt(said, zero)).toBe(zero + 60_000)
    expect(spokenAt({ ...said, at: zero + 300_000 }, zero)).toBe(zero + 60_000)
  })

  it('is when its frame was made where the interpreter tells no zero', () => {
    expect(spokenAt(said, null)).toBe(zero + 65_000)
  })

  it('makes it live or a thing of the past', () => {
    expect(isLive(said, zero)).toBe(true)
    expect(isLive({ ...said, at: zero + 63_000 + 14_999 }, zero)).toBe(true)
    expect(isLive({ ...said, at: zero + 63_000 + 15_000 }, zero)).toBe(false)
    expect(isLive({ ...said, at: zero + 300_000 }, null)).toBe(true)
  })
})
