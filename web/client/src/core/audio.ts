/** What is heard: everyone's own tracks, the dub of one language, and the original lowered under it. */
import { DUB_TRACK } from './wireNames'
import {
  RemoteAudioTrack,
  RoomEvent,
  type RemoteParticipant,
  type RemoteTrackPublication,
  type Room,
} from 'livekit-client'
import { dubLoudness, loudness, onLevel, silent, towards, type Voice } from './ducking'
import { Level } from './level'
import type { Store } from './store'

const STEP = 50
/** A new dub may have to be made first; the old one goes on until then, but not for ever. */
const PATIENCE = 8_000

export class RoomAudio {
  readonly #room: Room
  readonly #voice: Store<Voice>
  readonly #spoken: (identity: string) => string | undefined
  readonly #volumes = new Map<RemoteAudioTrack, number>()
  readonly #timer: ReturnType<typeof setInterval>
  #context: AudioContext | null = null
  #level: { of: RemoteAudioTrack; level: Level } | null = null
  #trusted: string | null = null
  #hears = ''
  #under = 0.15
  #switched = 0

  constructor(room: Room, voice: Store<Voice>, spoken: (identity: string) => string | undefined) {
    this.#room = room
    this.#voice = voice
    this.#spoken = spoken
    room
      .on(RoomEvent.TrackPublished, () => this.apply())
      .on(RoomEvent.TrackUnpublished, () => this.apply())
      .on(RoomEvent.TrackSubscribed, (track, publication) => {
        if (track instanceof RemoteAudioTrack) this.#attach(track, publication)
        this.apply()
      })
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        if (track instanceof RemoteAudioTrack) this.#detach(track)
      })
    this.#timer = setInterval(() => this.#step(Date.now()), STEP)
  }

  /** Call in a click: browsers start sound for nothing less. */
  unlock(): void {
    this.#context ??= typeof AudioContext === 'undefined' ? null : new AudioContext()
    void this.#context?.resume().catch(() => undefined)
    void this.#room.startAudio().catch(() => undefined)
    this.apply()
  }

  /** How loud the original stays under the dub, 0 to 1. */
  lower(to: number): void {
    this.#under = to
  }

  trust(identity: string | null): void {
    this.#trusted = identity
    this.apply()
  }

  /** Hear a language's voice, or with '' the originals. The voice before goes on until the new one is there. */
  hear(lang: string): void {
    if (lang === this.#hears) return
    this.#hears = lang
    this.#switched = Date.now()
    this.apply()
  }

  /** Subscribe what should be heard and seen, and nothing else. */
  apply(): void {
    const dubs = this.#dubs()
    const arrived =
      this.#hears === '' || dubs.some((dub) => dub.trackName === DUB_TRACK + this.#hears && dub.track !== undefined)
    const patient = !arrived && Date.now() - this.#switched < PATIENCE
    for (const participant of this.#room.remoteParticipants.values()) {
      for (const publication of participant.trackPublications.values()) {
        const wanted = this.#wants(participant, publication, patient)
        if (publication.isDesired !== wanted) publication.setSubscribed(wanted)
      }
    }
    if (arrived) this.#settle(dubs)
  }

  /** How loud each person's original is now, 0 to 1. */
  volumes(): Record<string, number> {
    const people = [...this.#room.remoteParticipants.values()].filter((one) => !one.isAgent)
    const loud = people.flatMap((one) =>
      [...one.audioTrackPublications.values()].flatMap(({ track }) =>
        track instanceof RemoteAudioTrack ? [[one.identity, this.#volumes.get(track) ?? 1] as const] : [],
      ),
    )
    return Object.fromEntries(loud)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const track of [...this.#volumes.keys()]) this.#detach(track)
    void this.#context?.close().catch(() => undefined)
    this.#context = null
  }

  #wants(participant: RemoteParticipant, publication: RemoteTrackPublication, patient: boolean): boolean {
    if (!participant.isAgent) return true
    if (participant.identity !== this.#trusted || !publication.trackName.startsWith(DUB_TRACK)) return false
    if (publication.trackName === DUB_TRACK + this.#hears) return this.#hears !== ''
    return patient && publication.isDesired
  }

  #dubs(): RemoteTrackPublication[] {
    const interpreter = this.#room.remoteParticipants.get(this.#trusted ?? '')
    return [...(interpreter?.trackPublications.values() ?? [])].filter((publication) =>
      publication.trackName.startsWith(DUB_TRACK),
    )
  }

  /** The wanted dub is here: it is measured, and any other is silenced at once. */
  #settle(dubs: readonly RemoteTrackPublication[]): void {
    const wanted = dubs.find((dub) => dub.trackName === DUB_TRACK + this.#hears)?.track
    const track = wanted instanceof RemoteAudioTrack ? wanted : undefined
    for (const dub of dubs) {
      if (dub.track instanceof RemoteAudioTrack && dub.track !== track) dub.track.setVolume(0)
    }
    if (this.#level?.of === track) return
    track?.setVolume(1)
    this.#level?.level.close()
    this.#level = track && this.#context ? { of: track, level: new Level(this.#context, track.mediaStreamTrack) } : null
    this.#voice.set(silent)
  }

  #attach(track: RemoteAudioTrack, publication: RemoteTrackPublication): void {
    track.attach()
    track.setVolume(1)
    if (!publication.trackName.startsWith(DUB_TRACK)) this.#volumes.set(track, 1)
  }

  #detach(track: RemoteAudioTrack): void {
    this.#volumes.delete(track)
    for (const element of track.detach()) element.remove()
    if (this.#level?.of !== track) return
    this.#level.level.close()
    this.#level = null
    this.#voice.set(silent)
  }

  #step(now: number): void {
    const voice = onLevel(this.#voice.get(), this.#level?.level.read() ?? null, now)
    const own = this.#room.localParticipant.identity
    this.#voice.set(voice)
    this.#level?.of.setVolume(dubLoudness(voice, own))
    for (const participant of this.#room.remoteParticipants.values()) {
      if (participant.isAgent) continue
      const { identity } = participant
      const wanted = loudness(voice, { identity, language: this.#spoken(identity) }, own, this.#hears, this.#under)
      for (const { track } of participant.audioTrackPublications.values()) {
        if (track instanceof RemoteAudioTrack) this.#turn(track, wanted)
      }
    }
    if (this.#switched > 0 && now - this.#switched > PATIENCE) {
      this.#switched = 0
      this.apply()
    }
  }

  #turn(track: RemoteAudioTrack, wanted: number): void {
    const before = this.#volumes.get(track)
    if (before === undefined || before === wanted) return
    const next = towards(before, wanted, STEP)
    this.#volumes.set(track, next)
    track.setVolume(next)
  }
}
