/** What the page holds has an end, however many people, voices and languages pass by. */
import { Room, RoomEvent, type RemoteDataTrack } from 'livekit-client'
import { describe, expect, it, vi } from 'vitest'
import { Carriers, TOPICS, TRACKS } from '../../src/core/carriers'
import { CatchUp, LANGUAGES } from '../../src/core/catchup'
import { Colours, COLOURS, MET } from '../../src/core/colours'
import { Verifier } from '../../src/core/verifier'
import { HELD, withNames, type Names } from '../../src/core/names'
import { arrived, BEYOND, fromStart } from '../../src/core/sequence'

describe('what the page holds', () => {
  it('is so many names, those met last', () => {
    let names: Names = {}
    names = withNames(
      names,
      Object.fromEntries(Array.from({ length: HELD + 50 }, (_, at) => [`guest-${at}`, `Guest ${at}`])),
    )

    expect(Object.keys(names).length).toBe(HELD)
    expect(names[`guest-${HELD + 49}`]).toBe(`Guest ${HELD + 49}`)
    expect(withNames(names, { [`guest-${HELD}`]: `Guest ${HELD}` })).toBe(names)
  })

  it('is so many colours, and they go on in their order', () => {
    const colours = new Colours()
    const given = Array.from({ length: MET + 20 }, (_, at) => colours.of(`guest-${at}`))

    expect(colours.size).toBe(MET)
    expect(given.slice(-COLOURS).toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('is so many arrivals beyond a gap: then the gap is given up', () => {
    let sequence = fromStart
    for (let seq = 2; seq <= BEYOND + 1; seq += 1) sequence = arrived(sequence, seq)
    expect(sequence.beyond.length).toBe(BEYOND)

    sequence = arrived(sequence, BEYOND + 2)

    expect(sequence).toEqual({ upTo: BEYOND + 2, beyond: [] })
  })

  it('is so many languages to catch up on', async () => {
    const ask = vi.fn(() => Promise.resolve({ frames: [], more: false }))
    const catchUp = new CatchUp(ask, () => Promise.resolve())

    await Promise.all(Array.from({ length: LANGUAGES + 30 }, (_, at) => catchUp.follow(`x${at}`)))

    expect(ask).toHaveBeenCalledTimes(LANGUAGES)
  })

  it('is so many topics of finals', () => {
    const room = new Room()
    const held = new Set<string>()
    vi.spyOn(room, 'registerTextStreamHandler').mockImplementation((topic) => void held.add(topic))
    vi.spyOn(room, 'unregisterTextStreamHandler').mockImplementation((topic) => void held.delete(topic))
    const carriers = new Carriers(room, new Verifier({ caption: () => undefined, cue: () => undefined }))

    carriers.listenTo(Array.from({ length: TOPICS + 30 }, (_, at) => `x${at}`))

    expect(held.size).toBe(TOPICS)
    carriers.close()
    expect(held.size).toBe(0)
  })

  it('is so many data tracks of interpreters, and none of a guest', () => {
    const room = new Room()
    const carriers = new Carriers(room, new Verifier({ caption: () => undefined, cue: () => undefined }))
    const track = (publisherIdentity: string, at: number) =>
      ({ publisherIdentity, info: { name: `captions.x${at}`, sid: `DT_${at}` } }) as unknown as RemoteDataTrack

    for (let at = 0; at < 300; at += 1) room.emit(RoomEvent.DataTrackPublished, track('guest-1', at))
    expect(carriers.known).toBe(0)
    for (let at = 0; at < 300; at += 1) room.emit(RoomEvent.DataTrackPublished, track('interpreter-1', at))

    expect(carriers.known).toBe(TRACKS)
  })
})
