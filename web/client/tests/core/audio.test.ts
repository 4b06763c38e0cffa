import { RemoteAudioTrack, Room, RoomEvent, type RemoteParticipant, type RemoteTrackPublication } from 'livekit-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RoomAudio } from '../../src/core/audio'
import { onCue, silent, type Voice } from '../../src/core/ducking'
import { Store } from '../../src/core/store'

/** A track that sounds nowhere and knows how loud it is. */
function sound() {
  const made = { volume: NaN }
  const track = Object.create(RemoteAudioTrack.prototype) as RemoteAudioTrack
  Object.assign(track, {
    // LiveKit's log looks at it.
    _mediaStreamTrack: {},
    attach: () => undefined,
    detach: () => [],
    setVolume: (volume: number) => {
      made.volume = volume
    },
  })
  return Object.assign(made, { track })
}

/** What somebody publishes; subscribed to it only where the page asks. */
class Publication {
  isDesired = false
  track: RemoteAudioTrack | undefined

  constructor(readonly trackName: string) {}

  setSubscribed(wanted: boolean): void {
    this.isDesired = wanted
  }
}

function listening(own = 'me') {
  const room = new Room()
  room.localParticipant.identity = own
  const voice = new Store<Voice>(silent)
  const audio = new RoomAudio(room, voice, (identity) => (identity === 'eva' ? 'es-MX' : undefined))
  const publish = (identity: string, trackName: string) => {
    const publication = new Publication(trackName)
    const there = room.remoteParticipants.get(identity)?.trackPublications ?? new Map<string, RemoteTrackPublication>()
    there.set(trackName, publication as unknown as RemoteTrackPublication)
    room.remoteParticipants.set(identity, {
      identity,
      isAgent: identity.startsWith('interpreter'),
      trackPublications: there,
      audioTrackPublications: there,
    } as unknown as RemoteParticipant)
    room.emit(
      RoomEvent.TrackPublished,
      publication as unknown as RemoteTrackPublication,
      room.remoteParticipants.get(identity)!,
    )
    return publication
  }
  const arrive = (identity: string, publication: Publication) => {
    const made = sound()
    publication.track = made.track
    room.emit(
      RoomEvent.TrackSubscribed,
      made.track,
      publication as unknown as RemoteTrackPublication,
      room.remoteParticipants.get(identity)!,
    )
    return made
  }
  const say = (identity: string) =>
    voice.set(onCue(voice.get(), { event: 'started', id: 'a', identity, behind: 1 }, Date.now()))
  const end = () => voice.set(onCue(voice.get(), { event: 'ended', id: 'a', identity: '', behind: 1 }, Date.now()))
  return { room, audio, voice, publish, arrive, say, end }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('what is listened to', () => {
  it('is everyone, and of agents the wished voice of the interpreter that is believed', () => {
    const { audio, publish } = listening()
    const people = [publish('ana', 'mic'), publish('ben', 'camera')]
    const voices = [
      publish('interpreter-1', 'dub.es'),
      publish('interpreter-1', 'dub.fr'),
      publish('interpreter-1', 'other'),
      publish('interpreter-2', 'dub.es'),
    ]

    audio.trust('interpreter-1')
    expect(voices.map(({ isDesired }) => isDesired)).toEqual([false, false, false, false])
    audio.hear('es')

    expect(people.map(({ isDesired }) => isDesired)).toEqual([true, true])
    expect(voices.map(({ isDesired }) => isDesired)).toEqual([true, false, false, false])
  })

  it('is the voice before until the next one is there, which silences it', () => {
    const { audio, publish, arrive } = listening()
    audio.trust('interpreter-1')
    audio.hear('es')
    const [spanish, french] = [publish('interpreter-1', 'dub.es'), publish('interpreter-1', 'dub.fr')]
    const before = arrive('interpreter-1', spanish)
    expect(before.volume).toBe(1)

    audio.hear('fr')
    expect([spanish.isDesired, french.isDesired]).toEqual([true, true])
    const after = arrive('interpreter-1', french)

    expect([spanish.isDesired, french.isDesired]).toEqual([false, true])
    expect([before.volume, after.volume]).toEqual([0, 1])
  })

  it('is the voice before for eight seconds at most', () => {
    const { audio, publish, arrive } = listening()
    audio.trust('interpreter-1')
    audio.hear('es')
    const spanish = publish('interpreter-1', 'dub.es')
    arrive('interpreter-1', spanish)

    audio.hear('fr')
    vi.advanceTimersByTime(7_900)
    expect(spanish.isDesired).toBe(true)
    vi.advanceTimersByTime(200)

    expect(spanish.isDesired).toBe(false)
  })

  it('is no voice as soon as the originals are wished for', () => {
    const { audio, publish, arrive } = listening()
    audio.trust('interpreter-1')
    audio.hear('es')
    const spanish = publish('interpreter-1', 'dub.es')
    const made = arrive('interpreter-1', spanish)

    audio.hear('')

    expect([spanish.isDesired, made.volume]).toEqual([false, 0])
  })
})

describe('an original', () => {
  it('goes under while the voice says it, a step at a time, and comes back', () => {
    const { audio, publish, arrive, say, end } = listening()
    audio.hear('es')
    audio.lower(0.2)
    const ana = arrive('ana', publish('ana', 'mic'))

    say('ana')
    vi.advanceTimersByTime(50)
    expect([ana.volume, audio.volumes()]).toEqual([0.75, { ana: 0.75 }])
    vi.advanceTimersByTime(200)
    expect(ana.volume).toBe(0.2)
    end()
    vi.advanceTimersByTime(600)

    expect(ana.volume).toBe(1)
  })

  it('stays as loud as it is where it is in the language that is heard', () => {
    const { audio, publish, arrive, say } = listening()
    audio.hear('es')
    const [ana, eva] = [arrive('ana', publish('ana', 'mic')), arrive('eva', publish('eva', 'mic'))]

    say('ana')
    vi.advanceTimersByTime(400)

    expect([ana.volume, eva.volume]).toEqual([0.15, 1])
  })

  it('that is gone is turned no more', () => {
    const { room, audio, publish, arrive, say } = listening()
    audio.hear('es')
    const publication = publish('ana', 'mic')
    const ana = arrive('ana', publication)

    room.emit(
      RoomEvent.TrackUnsubscribed,
      ana.track,
      publication as unknown as RemoteTrackPublication,
      room.remoteParticipants.get('ana')!,
    )
    say('ana')
    vi.advanceTimersByTime(400)

    expect(ana.volume).toBe(1)
  })
})

describe('one’s own words', () => {
  it('are not heard again in the voice', () => {
    const { audio, publish, arrive, say, voice } = listening('me')
    vi.stubGlobal('AudioContext', Quiet)
    vi.stubGlobal('MediaStream', Object)
    audio.unlock()
    audio.trust('interpreter-1')
    audio.hear('es')
    const dub = arrive('interpreter-1', publish('interpreter-1', 'dub.es'))

    say('me')
    vi.advanceTimersByTime(50)
    expect(dub.volume).toBe(0)
    voice.set(silent)
    say('ana')
    vi.advanceTimersByTime(50)

    expect(dub.volume).toBe(1)
    audio.close()
    vi.unstubAllGlobals()
  })
})

describe('without sound', () => {
  it('a click unlocks the room all the same', () => {
    const { room, audio } = listening()
    const start = vi.spyOn(room, 'startAudio').mockRejectedValue(new Error('no'))

    audio.unlock()

    expect(start).toHaveBeenCalledOnce()
  })

  it('nothing is turned once it is closed', () => {
    const { audio, publish, arrive, say } = listening()
    audio.hear('es')
    const ana = arrive('ana', publish('ana', 'mic'))

    audio.close()
    say('ana')
    vi.advanceTimersByTime(400)

    expect([ana.volume, vi.getTimerCount()]).toEqual([1, 0])
  })
})

/** Sound that runs and in which nothing is ever heard. */
class Quiet {
  readonly state = 'running'
  resume = () => Promise.resolve()
  close = () => Promise.resolve()
  createMediaStreamSource = () => ({ connect: () => undefined, disconnect: () => undefined })
  createAnalyser = () => ({ fftSize: 0, getFloatTimeDomainData: () => undefined, disconnect: () => undefined })
}
