/** A recorded talk as a speaker: a second connection of the page plays a real recording into the room. */
import { Room, Track } from 'livekit-client'
import type { Api, TalkFile } from './api'
import { patch, Store } from './store'

interface TalkState {
  is: 'joining' | 'waiting' | 'playing' | 'ended' | 'stopped' | 'failed'
  /** The speaker's identity in the room, once there. */
  identity: string | null
}

/** Whether the interpreter listens already, and a way to hear when that changes. */
interface Readiness {
  get: () => boolean
  subscribe: (tell: () => void) => () => void
}

/** After the interpreter says it listens, the track still has to reach it. */
const SETTLE = 700

export class Talk {
  readonly state = new Store<TalkState>({ is: 'joining', identity: null })
  readonly file: TalkFile
  readonly #room: Room
  readonly #context: AudioContext
  readonly #out: MediaStreamAudioDestinationNode
  #audio: AudioBuffer | null = null
  #playing: AudioBufferSourceNode | null = null
  #closed = false

  /** Made in a click, so that the browser lets it sound. */
  constructor(file: TalkFile, room = new Room()) {
    this.file = file
    this.#room = room
    this.#context = new AudioContext({ sampleRate: 48_000 })
    this.#out = this.#context.createMediaStreamDestination()
    void this.#context.resume().catch(() => undefined)
  }

  /** Join as the speaker and begin once the interpreter listens. */
  async start(api: Api, room: string, name: string, ready: Readiness, secret?: string): Promise<void> {
    try {
      const request = { name, speaks: this.file.language, reads: '', hears: '', ...(secret ? { secret } : {}) }
      const [joined, audio] = await Promise.all([api.join(room, request), this.#load()])
      this.#audio = audio
      await this.#room.connect(joined.server, joined.token, { autoSubscribe: false })
      await this.#publish()
      patch(this.state, { is: 'waiting', identity: joined.identity })
      await this.#untilReady(ready)
      this.play()
    } catch {
      if (!this.#closed) patch(this.state, { is: 'failed' })
      await this.close()
    }
  }

  /** From the beginning. */
  play(): void {
    if (this.#closed || this.#audio === null) return
    this.#silence()
    const source = this.#context.createBufferSource()
    source.buffer = this.#audio
    source.connect(this.#out)
    source.onended = () => {
      if (this.#playing === source) patch(this.state, { is: 'ended' })
    }
    void this.#context.resume().catch(() => undefined)
    source.start()
    this.#playing = source
    patch(this.state, { is: 'playing' })
  }

  stop(): void {
    this.#silence()
    patch(this.state, { is: 'stopped' })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#silence()
    await this.#room.disconnect().catch(() => undefined)
    await this.#context.close().catch(() => undefined)
  }

  #silence(): void {
    const source = this.#playing
    this.#playing = null
    source?.stop()
    source?.disconnect()
  }

  async #load(): Promise<AudioBuffer> {
    const response = await fetch(`/talks/${this.file.file}`)
    if (!response.ok) throw new Error('talk_missing')
    return this.#context.decodeAudioData(await response.arrayBuffer())
  }

  async #publish(): Promise<void> {
    const [media] = this.#out.stream.getAudioTracks()
    if (!media) throw new Error('talk_silent')
    await this.#room.localParticipant.publishTrack(media, { source: Track.Source.Microphone, name: 'talk', dtx: true })
  }

  async #untilReady(ready: Readiness): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!ready.get() && !this.#closed) return
        stop()
        resolve()
      }
      const stop = ready.subscribe(look)
      look()
    })
    await new Promise((resolve) => setTimeout(resolve, SETTLE))
  }
}
