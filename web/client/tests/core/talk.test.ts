import { Room, type LocalTrackPublication } from 'livekit-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Api } from '../../src/core/api'
import { Store } from '../../src/core/store'
import { Talk } from '../../src/core/talk'

const file = {
  file: 'english.mp3',
  title: 'A talk',
  language: 'en',
  seconds: 60,
  licence: 'CC BY 4.0',
  attribution: 'Somebody',
}

/** One playing of the recording. */
class Source {
  buffer: unknown = null
  onended: (() => void) | null = null
  started = false
  stopped = false
  connect = () => undefined
  disconnect = () => undefined
  start = () => {
    this.started = true
  }
  stop = () => {
    this.stopped = true
  }
}

class Context {
  static made: Context[] = []
  readonly sources: Source[] = []
  closed = false
  resume = () => Promise.resolve()
  close = () => Promise.resolve(void (this.closed = true))
  decodeAudioData = () => Promise.resolve({ duration: 60 })
  createMediaStreamDestination = () => ({ stream: { getAudioTracks: () => [{ kind: 'audio' }] } })
  createBufferSource = () => {
    const source = new Source()
    this.sources.push(source)
    return source
  }

  constructor() {
    Context.made.push(this)
  }
}

/** A talk at the door of a room; `listens` is the interpreter. */
function arriving({ recording = 200, room = 200 } = {}) {
  const asked: unknown[] = []
  const api = new Api('', (_, init) => {
    asked.push(JSON.parse(init!.body as string))
    return Promise.resolve(
      new Response(
        JSON.stringify(
          room === 200 ? { server: 'ws://x', token: 't', identity: 'talk-1' } : { code: 'room_full', message: '' },
        ),
        { status: room },
      ),
    )
  })
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('sound', { status: recording })))
  const sfu = new Room()
  const connect = vi.spyOn(sfu, 'connect').mockResolvedValue()
  const disconnect = vi.spyOn(sfu, 'disconnect').mockResolvedValue()
  const publish = vi
    .spyOn(sfu.localParticipant, 'publishTrack')
    .mockResolvedValue({} as unknown as LocalTrackPublication)
  const listens = new Store(false)
  const talk = new Talk(file, sfu)
  const context = Context.made.at(-1)!
  const start = () => talk.start(api, 'demo', 'Recorded talk', listens, 'secret')
  return { talk, start, listens, asked, connect, disconnect, publish, context }
}

/** A talk that plays. */
async function playing() {
  const made = arriving()
  made.listens.set(true)
  const started = made.start()
  await vi.advanceTimersByTimeAsync(700)
  await started
  return made
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('AudioContext', Context)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a recorded talk', () => {
  it('joins as somebody who speaks its language, and neither reads nor hears', async () => {
    const { start, asked, connect, publish } = arriving()

    void start()
    await vi.advanceTimersByTimeAsync(0)

    expect(asked).toEqual([{ name: 'Recorded talk', speaks: 'en', reads: '', hears: '', secret: 'secret' }])
    expect(connect).toHaveBeenCalledExactlyOnceWith('ws://x', 't', { autoSubscribe: false })
    expect(publish).toHaveBeenCalledOnce()
  })

  it('waits for the interpreter, and then for its track to arrive there', async () => {
    const { talk, start, listens, context } = arriving()
    void start()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(talk.state.get()).toEqual({ is: 'waiting', identity: 'talk-1' })

    listens.set(true)
    await vi.advanceTimersByTimeAsync(699)
    expect(context.sources).toEqual([])
    await vi.advanceTimersByTimeAsync(1)

    expect(talk.state.get().is).toBe('playing')
    expect(context.sources.map(({ started }) => started)).toEqual([true])
  })

  it('ends with its recording, and plays again from the beginning', async () => {
    const { talk, context } = await playing()

    context.sources[0]!.onended!()
    expect(talk.state.get().is).toBe('ended')
    talk.play()
    // What was stopped ends later than the next began.
    context.sources[0]!.onended!()

    expect(talk.state.get().is).toBe('playing')
    expect(context.sources.map(({ stopped }) => stopped)).toEqual([true, false])
  })

  it('is stopped', async () => {
    const { talk, context } = await playing()

    talk.stop()
    context.sources[0]!.onended!()

    expect([talk.state.get().is, context.sources[0]!.stopped]).toEqual(['stopped', true])
  })

  it.each([
    ['whose recording is missing', { recording: 404 }],
    ['that is not let in', { room: 409 }],
  ])('%s has failed, and holds nothing', async (_, how) => {
    const { talk, start, disconnect, context } = arriving(how)

    await start()

    expect(talk.state.get()).toEqual({ is: 'failed', identity: null })
    expect([disconnect.mock.calls.length, context.closed]).toEqual([1, true])
  })

  it('that is left while it waits never sounds', async () => {
    const { talk, start, listens, context } = arriving()
    void start()
    await vi.advanceTimersByTimeAsync(0)

    await talk.close()
    listens.set(true)
    await vi.advanceTimersByTimeAsync(5_000)
    talk.play()

    expect(context.sources).toEqual([])
    expect([talk.state.get().is, context.closed]).toEqual(['waiting', true])
  })
})
