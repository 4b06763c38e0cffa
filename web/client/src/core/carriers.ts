/** What carries captions to a page: data tracks for the live state, text streams for finals, packets for cues. */
import {
  RoomEvent,
  type RemoteDataTrack,
  type RemoteParticipant,
  type Room,
  type TextStreamReader,
} from 'livekit-client'
import type { Verifier } from './verifier'
import { FRAME_LIMIT } from './wire'
import { CAPTIONS_TOPIC, CAPTIONS_TRACK, CUES_TOPIC, INTERPRETER } from './wireNames'

const AGAIN = 1_000
/** Data tracks that are known at one time, and languages whose finals are taken; beyond it the oldest go. */
export const TRACKS = 128
export const TOPICS = 64

export class Carriers {
  readonly #room: Room
  readonly #verifier: Verifier
  readonly #tracks = new Map<RemoteDataTrack, AbortController | null>()
  readonly #topics = new Set<string>()
  #trusted: string | null = null
  #wanted: readonly string[] = []

  /** Made before the room connects: data tracks that exist already are announced while it does. */
  constructor(room: Room, verifier: Verifier) {
    this.#room = room
    this.#verifier = verifier
    room
      .on(RoomEvent.DataTrackPublished, (track) => {
        this.#know(track)
        this.#apply()
      })
      .on(RoomEvent.DataTrackUnpublished, (sid) => this.#forget(sid))
      .on(RoomEvent.DataReceived, (data, from, _kind, topic) => this.#packet(data, from, topic))
  }

  /** Only what an interpreter may have published: of what guests publish, nothing is held. */
  #know(track: RemoteDataTrack): void {
    if (!track.publisherIdentity.startsWith(INTERPRETER) || !track.info.name.startsWith(CAPTIONS_TRACK)) return
    this.#tracks.set(track, null)
    const [oldest] = this.#tracks
    if (oldest === undefined || this.#tracks.size <= TRACKS) return
    oldest[1]?.abort()
    this.#tracks.delete(oldest[0])
  }

  /** Data tracks that are known now. */
  get known(): number {
    return this.#tracks.size
  }

  trust(identity: string | null): void {
    this.#trusted = identity
    this.#apply()
  }

  /** Languages to take live. */
  want(langs: readonly string[]): void {
    this.#wanted = langs
    this.listenTo(langs)
    this.#apply()
  }

  /** Languages whose finals to take; every page receives them all anyway. */
  listenTo(langs: readonly string[]): void {
    for (const lang of langs) {
      const topic = CAPTIONS_TOPIC + lang
      if (lang === '' || this.#topics.has(topic)) continue
      this.#topics.add(topic)
      this.#fewerTopics()
      this.#room.registerTextStreamHandler(topic, (reader, { identity }) => void this.#read(reader, identity, lang))
    }
  }

  #fewerTopics(): void {
    const [oldest] = this.#topics
    if (oldest === undefined || this.#topics.size <= TOPICS) return
    this.#room.unregisterTextStreamHandler(oldest)
    this.#topics.delete(oldest)
  }

  close(): void {
    for (const topic of this.#topics) this.#room.unregisterTextStreamHandler(topic)
    for (const stop of this.#tracks.values()) stop?.abort()
    this.#topics.clear()
    this.#tracks.clear()
  }

  #apply(): void {
    for (const [track, stop] of this.#tracks) {
      const { name } = track.info
      const lang = name.startsWith(CAPTIONS_TRACK) ? name.slice(CAPTIONS_TRACK.length) : null
      const take = lang !== null && track.publisherIdentity === this.#trusted && this.#wanted.includes(lang)
      if (take && stop === null) this.#follow(track, lang)
      if (!take && stop !== null) {
        stop.abort()
        this.#tracks.set(track, null)
      }
    }
  }

  #follow(track: RemoteDataTrack, lang: string): void {
    const stop = new AbortController()
    this.#tracks.set(track, stop)
    void this.#pump(track, lang, stop.signal)
      .catch(() => undefined)
      .then(() => {
        // The subscription ended by itself (a timeout, a reconnect): take it up again if it is still wanted.
        if (this.#tracks.get(track) === stop) setTimeout(() => this.#retake(track, stop), AGAIN)
      })
  }

  #retake(track: RemoteDataTrack, stop: AbortController): void {
    if (this.#tracks.get(track) !== stop || stop.signal.aborted) return
    this.#tracks.set(track, null)
    this.#apply()
  }

  async #pump(track: RemoteDataTrack, lang: string, signal: AbortSignal): Promise<void> {
    const reader = track.subscribe({ signal, bufferSize: 64 }).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      void this.#verifier.caption(value.payload, track.publisherIdentity, lang)
    }
  }

  /** A stream is drained even when it is not trusted or too long, but nothing of it is held. */
  async #read(reader: TextStreamReader, identity: string, lang: string): Promise<void> {
    const trusted = identity === this.#trusted
    let body = ''
    let tooLong = false
    try {
      for await (const chunk of reader) {
        tooLong ||= body.length + chunk.length > FRAME_LIMIT
        body = trusted && !tooLong ? body + chunk : ''
      }
    } catch {
      this.#verifier.drop('malformed')
      return
    }
    if (tooLong) this.#verifier.drop('too_large')
    else await this.#verifier.caption(body, identity, lang)
  }

  #packet(data: Uint8Array, from: RemoteParticipant | undefined, topic: string | undefined): void {
    if (topic?.startsWith(CUES_TOPIC))
      void this.#verifier.cue(data, from?.identity ?? '', topic.slice(CUES_TOPIC.length))
  }

  #forget(sid: string): void {
    for (const [track, stop] of this.#tracks) {
      if (track.info.sid !== sid) continue
      stop?.abort()
      this.#tracks.delete(track)
    }
  }
}
