/** One person in one interpreted room: connects, takes captions and voices in their languages, and says how it goes. */
import { ConnectionState, DisconnectReason, Room, RoomEvent } from 'livekit-client'
import { Carriers } from './carriers'
import { CatchUp } from './catchup'
import type { Wishes } from './choices'
import { Door } from './door'
import { onCue, silent, type Voice } from './ducking'
import { Ears } from './ears'
import { interpreterAmong, type Interpreter } from './interpreter'
import type { Connection } from './phase'
import { Questions, type Served } from './rpc'
import { patch, Store } from './store'
import { record, skip, type Entries, type Entry } from './transcript'
import { isLive, spokenAt } from './when'
import type { Cue, Frame } from './wire'

export type Ending = 'left' | 'removed' | 'closed' | 'elsewhere' | 'lost'

export interface Status {
  connection: Connection
  ending: Ending | null
  interpreter: Interpreter | null
  had: boolean
  unreadable: boolean
  wishes: Wishes
  served: Served | null
  /** The browser holds sound back until somebody clicks. */
  silenced: boolean
  /** Lent one's voice, for this meeting, to the voices that translate one. */
  lent: boolean
}

const nothing: Wishes = { speaks: 'auto', reads: '', hears: '', also: '' }
/** iPhones ignore an element's volume; there the sound goes through Web Audio instead. */
const mixed = () => typeof navigator !== 'undefined' && /iPad|iPhone|iPod/.test(navigator.userAgent)

export class Session {
  readonly room = new Room({ adaptiveStream: true, dynacast: true, webAudioMix: mixed() })
  readonly status = new Store<Status>({
    connection: 'connecting',
    ending: null,
    interpreter: null,
    had: false,
    unreadable: false,
    wishes: nothing,
    served: null,
    silenced: false,
    lent: false,
  })
  readonly entries = new Store<Entries>([])
  /** Identities and their names, of those who are here and of those who were. */
  readonly names = new Store<Readonly<Record<string, string>>>({})
  readonly voice = new Store<Voice>(silent)
  readonly ears = new Ears(this.room, this.voice, (identity) => this.spokenBy(identity))
  readonly door = new Door({ caption: (frame) => this.#caption(frame), cue: (cue) => this.#cue(cue) })
  readonly #carriers = new Carriers(this.room, this.door)
  readonly #questions = new Questions(this.room, () => this.status.get().interpreter?.identity ?? null)
  readonly #catchUp = new CatchUp(
    async (lang, after) => {
      const answer = await this.#questions.captions(lang, after)
      patch(this.names, { ...answer.names, ...this.#present() })
      return answer
    },
    (frame, lang) => this.door.caption(frame, this.status.get().interpreter?.identity ?? '', lang),
  )
  readonly #listeners = new Set<(frame: Frame) => void>()
  #turn: Promise<void> = Promise.resolve()

  constructor() {
    const look = () => this.#look()
    this.room
      .on(RoomEvent.ParticipantConnected, look)
      .on(RoomEvent.ParticipantDisconnected, look)
      .on(RoomEvent.ParticipantAttributesChanged, look)
      .on(RoomEvent.ParticipantNameChanged, look)
      .on(RoomEvent.ConnectionStateChanged, (state) => this.#connection(state))
      .on(RoomEvent.Reconnected, () => this.#back())
      .on(RoomEvent.AudioPlaybackStatusChanged, () => patch(this.status, { silenced: !this.room.canPlaybackAudio }))
      .on(RoomEvent.Disconnected, (reason) => patch(this.status, { connection: 'left', ending: endingOf(reason) }))
  }

  /** Throws what LiveKit throws when there is no way in. */
  async connect(server: string, token: string, wishes: Wishes): Promise<void> {
    patch(this.status, { wishes })
    this.#carriers.want(this.#live())
    await this.room.connect(server, token, { autoSubscribe: false })
    this.ears.hear(wishes.hears)
    this.#look()
    this.ears.apply()
    patch(this.status, { silenced: !this.room.canPlaybackAudio })
  }

  /** Other languages from now on, without leaving. */
  async choose(wishes: Wishes): Promise<void> {
    patch(this.status, { wishes })
    this.ears.hear(wishes.hears)
    this.#carriers.want(this.#live())
    this.#followWished()
    const { speaks, reads, hears } = wishes
    const told = this.room.localParticipant.setAttributes({
      'dragoman.speaks': speaks,
      'dragoman.reads': reads,
      'dragoman.hears': hears,
    })
    await Promise.all([told.catch(() => undefined), this.refresh()])
  }

  /** Lend one's voice to one's dubs, or take it back; it holds for this meeting and is remembered nowhere. */
  async lend(given: boolean): Promise<void> {
    patch(this.status, { lent: given })
    const told = this.room.localParticipant.setAttributes({ 'dragoman.voice': given ? 'given' : '' })
    await told.catch(() => patch(this.status, { lent: !given }))
  }

  /** Ask what is served of the wishes, and how fast. */
  async refresh(): Promise<void> {
    const { speaks, reads, hears } = this.status.get().wishes
    const served = await this.#questions.languages({ speaks, reads, hears }).catch(() => null)
    if (served) patch(this.status, { served })
  }

  /** Say which language somebody speaks: it is changed, they are asked, or nobody took it. */
  async correct(identity: string, language: string): Promise<'changed' | 'suggested' | 'refused'> {
    return this.#questions.speaks(identity, language).then(
      ({ suggested }) => (suggested ? 'suggested' : 'changed'),
      () => 'refused',
    )
  }

  /** Fetch an entry's other languages, as far as they are remembered. */
  async complete(entry: Entry): Promise<void> {
    const { interpreter } = this.status.get()
    if (interpreter?.epoch !== entry.epoch) return
    await Promise.all(interpreter.languages.map((lang) => this.#catchUp.follow(lang)))
  }

  /** Captions of what is being said; what was said before one came is in `entries` alone. */
  onCaption(listener: (frame: Frame) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What a participant speaks: as they say, or as it was found out. */
  spokenBy(identity: string): string | undefined {
    const { localParticipant, remoteParticipants } = this.room
    const who = identity === localParticipant.identity ? localParticipant : remoteParticipants.get(identity)
    const said = who?.attributes['dragoman.speaks'] ?? ''
    return said === '' || said === 'auto' ? this.status.get().interpreter?.detected[identity] : said
  }

  async close(): Promise<void> {
    this.ears.close()
    this.#carriers.close()
    await this.room.disconnect()
  }

  /** Live are the language read and the captions' second one; `original` is whatever is spoken. */
  #live(): string[] {
    const { interpreter, wishes } = this.status.get()
    const also = wishes.also === 'original' ? (interpreter?.languages ?? []) : [wishes.also]
    return [...new Set([wishes.reads, ...also])].filter((tag) => tag !== '')
  }

  #followWished(): void {
    if (this.status.get().interpreter === null) return
    for (const lang of this.#live()) void this.#catchUp.follow(lang)
  }

  #present(): Record<string, string> {
    const people = [this.room.localParticipant, ...this.room.remoteParticipants.values()]
    return Object.fromEntries(people.flatMap(({ identity, name }) => (name ? [[identity, name]] : [])))
  }

  #look(): void {
    patch(this.names, this.#present())
    const before = this.status.get().interpreter
    const now = interpreterAmong(this.room.remoteParticipants.values())
    if (JSON.stringify(now) === JSON.stringify(before)) return
    patch(this.status, { interpreter: now, had: this.status.get().had || before !== null })
    this.#carriers.listenTo(now?.languages ?? [])
    if (now?.identity !== before?.identity || now?.key !== before?.key || now?.epoch !== before?.epoch) {
      this.#turn = this.#turn.then(() => this.#changed(now))
    } else {
      this.#carriers.want(this.#live())
    }
  }

  async #changed(interpreter: Interpreter | null): Promise<void> {
    const usable = await this.door.trust(interpreter).then(
      () => true,
      () => false,
    )
    patch(this.status, { unreadable: !usable, served: null })
    this.voice.set(silent)
    this.#catchUp.reset()
    this.#carriers.trust(interpreter?.identity ?? null)
    this.#carriers.want(this.#live())
    this.ears.trust(interpreter?.identity ?? null)
    if (interpreter === null || interpreter.key === '') return
    this.#followWished()
    await this.refresh()
  }

  #caption(frame: Frame): void {
    const zero = this.status.get().interpreter?.zero ?? null
    if (frame.final) {
      this.entries.set(record(this.entries.get(), frame, spokenAt(frame, zero)))
      if (frame.seq !== null) this.#catchUp.note(frame.lang, frame.seq)
      if (frame.source !== frame.lang) void this.#catchUp.follow(frame.source)
    }
    if (isLive(frame, zero)) for (const tell of this.#listeners) tell(frame)
  }

  #cue(cue: Cue): void {
    if (cue.lang !== this.status.get().wishes.hears) return
    this.voice.set(onCue(this.voice.get(), cue, Date.now()))
    if (cue.event === 'skipped') this.entries.set(skip(this.entries.get(), cue.id))
  }

  #connection(state: ConnectionState): void {
    const names: Partial<Record<ConnectionState, Connection>> = {
      [ConnectionState.Connecting]: 'connecting',
      [ConnectionState.Connected]: 'connected',
      [ConnectionState.Reconnecting]: 'reconnecting',
      [ConnectionState.SignalReconnecting]: 'reconnecting',
    }
    const connection = names[state]
    if (connection) patch(this.status, { connection })
  }

  #back(): void {
    this.#look()
    this.ears.apply()
    this.#carriers.want(this.#live())
    this.#catchUp.again()
    void this.refresh()
  }
}

function endingOf(reason: DisconnectReason | undefined): Ending {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return 'left'
    case DisconnectReason.PARTICIPANT_REMOVED:
      return 'removed'
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return 'closed'
    case DisconnectReason.DUPLICATE_IDENTITY:
      return 'elsewhere'
    default:
      return 'lost'
  }
}
