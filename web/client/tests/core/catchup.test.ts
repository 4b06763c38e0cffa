import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CatchUp, type Ask } from '../../src/core/catchup'
import { arrived, fromStart, giveUp, hasGap } from '../../src/core/sequence'

describe('which finals have arrived', () => {
  it('closes as the missing ones come', () => {
    const gap = [1, 2, 4, 5].reduce(arrived, fromStart)

    expect(gap).toEqual({ upTo: 2, beyond: [4, 5] })
    expect(hasGap(gap)).toBe(true)
    expect(arrived(gap, 3)).toEqual({ upTo: 5, beyond: [] })
  })

  it('takes nothing twice', () => {
    const two = [1, 2].reduce(arrived, fromStart)

    expect(arrived(two, 2)).toBe(two)
  })

  it('goes on behind what is lost for good', () => {
    expect(giveUp({ upTo: 2, beyond: [7, 8, 11] })).toEqual({ upTo: 8, beyond: [11] })
  })
})

describe('catching up', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** An interpreter that remembers finals 1 to `count`, two a page; frames are their numbers. */
  function remembering(count: number, failures = 0) {
    const asked: [string, number][] = []
    const ask: Ask = (lang, after) => {
      asked.push([lang, after])
      if (asked.length <= failures) return Promise.reject(new Error('away'))
      const frames = Array.from({ length: count }, (_, at) => at + 1).filter((seq) => seq > after)
      return Promise.resolve({ frames: frames.slice(0, 2).map(String), more: frames.length > 2 })
    }
    const taken: number[] = []
    const catchUp: CatchUp = new CatchUp(ask, (one, lang) => {
      taken.push(Number(one))
      catchUp.note(lang, Number(one))
      return Promise.resolve()
    })
    return { catchUp, asked, taken }
  }

  it('fetches all that is remembered, page by page, once', async () => {
    const { catchUp, asked, taken } = remembering(5)

    await catchUp.follow('es')
    await catchUp.follow('es')

    expect(taken).toEqual([1, 2, 3, 4, 5])
    expect(asked).toEqual([
      ['es', 0],
      ['es', 2],
      ['es', 4],
    ])
  })

  it('asks for a gap, after giving the other carrier a moment', async () => {
    const { catchUp, asked, taken } = remembering(5)
    catchUp.note('es', 3)
    catchUp.note('es', 5)
    expect(asked).toEqual([])

    await vi.advanceTimersByTimeAsync(500)

    expect(asked).toEqual([['es', 3]])
    expect(taken).toEqual([4, 5])
  })

  it('does not ask when the missing one comes by itself', async () => {
    const { catchUp, asked } = remembering(5)
    catchUp.note('es', 3)
    catchUp.note('es', 5)
    catchUp.note('es', 4)

    await vi.advanceTimersByTimeAsync(1_000)

    expect(asked).toEqual([])
  })

  it('asks again when nobody answers, but not for ever', async () => {
    const patient = remembering(2, 2)
    const hopeless = remembering(2, 99)

    const done = Promise.all([patient.catchUp.follow('es'), hopeless.catchUp.follow('es')])
    await vi.advanceTimersByTimeAsync(60_000)
    await done

    expect(patient.taken).toEqual([1, 2])
    expect(hopeless.asked.length).toBe(4)
  })

  it('begins anew with another interpreter, who counts from one', async () => {
    const { catchUp, asked } = remembering(2)
    await catchUp.follow('es')

    catchUp.reset()
    await catchUp.follow('es')

    expect(asked).toEqual([
      ['es', 0],
      ['es', 0],
    ])
  })

  it('asks from where it stopped after a reconnection', async () => {
    const { catchUp, asked } = remembering(2)
    await catchUp.follow('es')

    catchUp.again()
    await vi.advanceTimersByTimeAsync(10)

    expect(asked.at(-1)).toEqual(['es', 2])
  })
})
