import {
  Room,
  RoomEvent,
  type DataTrackFrame,
  type RemoteDataTrack,
  type RemoteParticipant,
  type TextStreamHandler,
} from 'livekit-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Carriers } from '../../src/core/carriers'
import type { Verifier } from '../../src/core/verifier'
import { FRAME_LIMIT } from '../../src/core/wire'

const text = (data: string | Uint8Array) => (typeof data === 'string' ? data : new TextDecoder().decode(data))
const bytes = (data: string) => new TextEncoder().encode(data)

/** What arrived at the door, in order. */
class Door {
  readonly came: string[] = []
  readonly verifier = {
    caption: (data: string | Uint8Array, sender: string, lang: string) =>
      Promise.resolve(void this.came.push(`caption ${text(data)} ${sender} ${lang}`)),
    cue: (data: Uint8Array, sender: string, lang: string) =>
      Promise.resolve(void this.came.push(`cue ${text(data)} ${sender} ${lang}`)),
    drop: (why: string) => void this.came.push(`dropped ${why}`),
  } as unknown as Verifier
}

/** A data track with one stream for each time that it was subscribed. */
class Captions {
  readonly streams: ReadableStreamDefaultController<DataTrackFrame>[] = []
  readonly stopped: boolean[] = []
  readonly info: { name: string; sid: string }

  constructor(
    lang: string,
    readonly publisherIdentity = 'interpreter-1',
  ) {
    this.info = { name: `captions.${lang}`, sid: `DT_${lang}` }
  }

  subscribe({ signal }: { signal: AbortSignal }): ReadableStream<DataTrackFrame> {
    const at = this.stopped.push(false) - 1
    return new ReadableStream<DataTrackFrame>({
      start: (stream) => {
        this.streams.push(stream)
        signal.addEventListener('abort', () => {
          this.stopped[at] = true
          stream.error(signal.reason)
        })
      },
    })
  }

  send(data: string): void {
    this.streams.at(-1)!.enqueue({ payload: bytes(data) })
  }
}

function connected() {
  const room = new Room()
  const handlers = new Map<string, TextStreamHandler>()
  vi.spyOn(room, 'registerTextStreamHandler').mockImplementation((topic, handler) => void handlers.set(topic, handler))
  vi.spyOn(room, 'unregisterTextStreamHandler').mockImplementation((topic) => void handlers.delete(topic))
  const door = new Door()
  const carriers = new Carriers(room, door.verifier)
  const publish = (track: Captions) => {
    room.emit(RoomEvent.DataTrackPublished, track as unknown as RemoteDataTrack)
    return track
  }
  return { room, door, carriers, handlers, publish }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})
const settled = () => vi.advanceTimersByTimeAsync(0)

describe('live captions', () => {
  it('are taken of the wanted language, from the interpreter that is believed', async () => {
    const { carriers, door, publish } = connected()
    const [wanted, other, untrusted] = [
      publish(new Captions('es')),
      publish(new Captions('fr')),
      publish(new Captions('es', 'interpreter-2')),
    ]
    expect(wanted.streams.length).toBe(0)

    carriers.trust('interpreter-1')
    carriers.want(['es'])
    wanted.send('Hola')
    await settled()

    expect([wanted, other, untrusted].map((track) => track.streams.length)).toEqual([1, 0, 0])
    expect(door.came).toEqual(['caption Hola interpreter-1 es'])
  })

  it('end when another language is wanted, or another interpreter is believed', async () => {
    const { carriers, publish } = connected()
    const track = publish(new Captions('es'))
    carriers.trust('interpreter-1')
    carriers.want(['es'])

    carriers.want(['fr'])
    carriers.want(['es'])
    carriers.trust('interpreter-2')
    await vi.advanceTimersByTimeAsync(5_000)

    expect(track.stopped).toEqual([true, true])
  })

  it('are taken up again a second after a stream ended or broke by itself', async () => {
    const { carriers, door, publish } = connected()
    const track = publish(new Captions('es'))
    carriers.trust('interpreter-1')
    carriers.want(['es'])

    track.streams[0]!.close()
    await vi.advanceTimersByTimeAsync(999)
    expect(track.streams.length).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    track.streams[1]!.error(new Error('timeout'))
    await vi.advanceTimersByTimeAsync(1_000)
    track.send('Hola')
    await settled()

    expect(track.streams.length).toBe(3)
    expect(door.came).toEqual(['caption Hola interpreter-1 es'])
  })

  it('are not taken up again of a track that is gone', async () => {
    const { room, carriers, publish } = connected()
    const track = publish(new Captions('es'))
    carriers.trust('interpreter-1')
    carriers.want(['es'])

    track.streams[0]!.close()
    await settled()
    room.emit(RoomEvent.DataTrackUnpublished, 'DT_es')
    await vi.advanceTimersByTimeAsync(5_000)

    expect([track.streams.length, carriers.known]).toEqual([1, 0])
  })

  it('end with the session', () => {
    const { carriers, handlers, publish } = connected()
    const track = publish(new Captions('es'))
    carriers.trust('interpreter-1')
    carriers.want(['es'])

    carriers.close()

    expect([track.stopped, carriers.known, handlers.size]).toEqual([[true], 0, 0])
  })
})

describe('a text stream of finals', () => {
  async function* pieces(...chunks: string[]) {
    for (const chunk of chunks) yield await Promise.resolve(chunk)
  }
  async function read(body: AsyncIterable<string>, identity = 'interpreter-1') {
    const { carriers, door, handlers } = connected()
    carriers.trust('interpreter-1')
    carriers.listenTo(['es', '', 'es'])
    expect([...handlers.keys()]).toEqual(['captions/es'])
    handlers.get('captions/es')!(body as unknown as Parameters<TextStreamHandler>[0], { identity })
    await settled()
    return door.came
  }

  it('is put together and checked as one frame', async () => {
    expect(await read(pieces('Ho', 'la'))).toEqual(['caption Hola interpreter-1 es'])
  })

  it('of somebody else is read to its end, and nothing of it is held', async () => {
    expect(await read(pieces('Ho', 'la'), 'guest-1')).toEqual(['caption  guest-1 es'])
  })

  it('that is too long is dropped', async () => {
    expect(await read(pieces('x'.repeat(FRAME_LIMIT), 'y'))).toEqual(['dropped too_large'])
  })

  it('that breaks off is dropped', async () => {
    async function* broken() {
      yield await Promise.resolve('Ho')
      throw new Error('incomplete')
    }

    expect(await read(broken())).toEqual(['dropped malformed'])
  })
})

describe('a packet', () => {
  it.each([
    ['dub/es', ['cue on interpreter-1 es']],
    ['chat', []],
    [undefined, []],
  ])('of the topic %s arrives as %j', (topic, came) => {
    const { room, door } = connected()

    room.emit(
      RoomEvent.DataReceived,
      bytes('on'),
      { identity: 'interpreter-1' } as unknown as RemoteParticipant,
      undefined,
      topic,
    )

    expect(door.came).toEqual(came)
  })

  it('of nobody comes from nobody', () => {
    const { room, door } = connected()

    room.emit(RoomEvent.DataReceived, bytes('on'), undefined, undefined, 'dub/es')

    expect(door.came).toEqual(['cue on  es'])
  })
})
