/** One person in one interpreted room: connects, takes captions and voices in their languages, and says how it goes. */
import { ConnectionState, DisconnectReason, Room, RoomEvent } from 'livekit-client'
import { Carriers } from './carriers'
import { CatchUp } from './catchup'
import type { Wishes } from './choices'
import { Verifier } from './verifier'
import { onCue, silent, type Voice } from './ducking'
import { RoomAudio } from './audio'
import { interpreterAmong, interpreterOf, type Interpreter } from './interpreter'
import { withNames, type Names } from './names'
import type { Connection } from './phase'
import { isPassing, Questions, type Served } from './rpc'
import { patch, Store } from './store'
import { record, skip, type Entries, type Entry } from './transcript'
import { Vouching, type Vouched, type Voucher } from './vouching'
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

/** Milliseconds before a call that was not taken is made again; twice as long each time, up to the longest. */
const AGAIN = 500
const LONGEST = 8_000

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
  readonly names = new Store<Names>({})
  readonly voice = new Store<Voice>(silent)
  readonly audio = new RoomAudio(this.room, this.voice, (identity) => this.spokenBy(identity))
  readonly verifier = new Verifier({ caption: (frame) => this.#caption(frame), cue: (cue) => this.#cue(cue) })
  readonly #carriers = new Carriers(this.room, this.verifier)
  readonly #questions = new Questions(this.room, () => this.status.get().interpreter?.identity ?? null)
  readonly #catchUp = new CatchUp(
    async (lang, after) => {
      const answer = await this.#questions.captions(lang, after)
      this.names.set(withNames(this.names.get(), { ...answer.names, ...this.#present() }))
      return answer
    },
    (frame, lang) => this.verifier.caption(frame, this.status.get().interpreter?.identity ?? '', lang),
  )
  readonly #listeners = new Set<(frame: Frame) => void>()
  readonly #vouching: Vouching | null
  #turn: Promise<void> = Promise.resolve()
  #refreshing = 0

  /**
   * `voucher` asks your server which interpreter to believe: `GET /api/rooms/{room}/interpreter` of Dragoman's
   * web server. Without one the newest agent named `interpreter-…` is believed.
   */
  constructor(voucher: Voucher | null = null) {
    this.#vouching = voucher && new Vouching(voucher, () => this.#look())
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

  /**
   * Throws what LiveKit throws when there is no way in. `vouched` is what the voucher would say now, where that is
   * known.
   */
  async connect(server: string, token: string, wishes: Wishes, vouched: Vouched | null = null): Promise<void> {
    this.#vouching?.told(vouched)
    patch(this.status, { wishes })
    this.#carriers.want(this.#live())
    await this.room.connect(server, token, { autoSubscribe: false })
    this.audio.hear(wishes.hears)
    this.#look()
    this.audio.apply()
    patch(this.status, { silenced: !this.room.canPlaybackAudio })
  }

  /** Other languages from now on, without leaving. */
  choose(wishes: Wishes): Promise<void> {
    patch(this.status, { wishes })
    this.audio.hear(wishes.hears)
    this.#carriers.want(this.#live())
    this.#followWished()
    return this.refresh()
  }

  /** Lend one's voice to one's dubs, or take it back; it holds for this meeting and is remembered nowhere. */
  async lend(given: boolean): Promise<void> {
    patch(this.status, { lent: given })
    const asked = () => this.status.get().lent === given
    const told = await this.#untilTaken(() => this.#questions.lend(given), asked)
    if (told === null && asked()) patch(this.status, { lent: !given })
  }

  /** Tell the wishes, and learn what is served of them and how fast. */
  async refresh(): Promise<void> {
    const turn = ++this.#refreshing
    const wished = () => this.#questions.languages(this.status.get().wishes)
    const served = await this.#untilTaken(wished, () => turn === this.#refreshing)
    if (served && turn === this.#refreshing) patch(this.status, { served })
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
    const { interpreter } = this.status.get()
    const said = interpreter?.spoken[identity] ?? who?.attributes['dragoman.speaks'] ?? ''
    return said === '' || said === 'auto' ? interpreter?.detected[identity] : said
  }

  async close(): Promise<void> {
    this.audio.close()
    this.#vouching?.close()
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
    this.names.set(withNames(this.names.get(), this.#present()))
    const before = this.status.get().interpreter
    const people = [...this.room.remoteParticipants.values()]
    this.#vouching?.look(people)
    const now = this.#vouching ? interpreterOf(people, this.#vouching.known) : interpreterAmong(people)
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
    const usable = await this.verifier.trust(interpreter).then(
      () => true,
      () => false,
    )
    patch(this.status, { unreadable: !usable, served: null })
    this.voice.set(silent)
    this.#catchUp.reset()
    this.#carriers.trust(interpreter?.identity ?? null)
    this.#carriers.want(this.#live())
    this.audio.trust(interpreter?.identity ?? null)
    if (interpreter === null || interpreter.key === '') return
    this.#followWished()
    if (this.status.get().lent) void this.lend(true)
    // Not waited for: it goes on until this interpreter takes it, and another may come meanwhile.
    void this.refresh()
  }

  /**
   * Call until the interpreter takes it, a few times; null where it says no, is gone or the call is no longer `wanted`.
   */
  async #untilTaken<T>(call: () => Promise<T>, wanted: () => boolean): Promise<T | null> {
    const identity = this.status.get().interpreter?.identity
    for (let wait = AGAIN; ; wait *= 2) {
      try {
        return await call()
      } catch (error) {
        if (!isPassing(error) || wait > LONGEST) return null
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
      if (!wanted() || this.status.get().interpreter?.identity !== identity) return null
    }
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
    this.audio.apply()
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
