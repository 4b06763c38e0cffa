/**
 * Which interpreter to believe: the web server says so, asked whenever those who claim to be one change, but never
 * fast.
 */
import { isInterpreter, type Present } from './interpreter'
import { ATTRIBUTE } from './wireNames'

export interface Vouched {
  identity: string
  epoch: number
  /** JWK in JSON. */
  key: string
}

/** Asks who is to be believed; null where nobody is. Rejects while the web server is away. */
export type Voucher = () => Promise<Vouched | null>

/** So many questions at once, then one in so many milliseconds, whatever happens in the room. */
const BURST = 5
const REFILL = 5_000
/** Milliseconds before the same is asked again; twice as long each time. */
const AGAIN = 500
const LONGEST = 16_000

export class Vouching {
  readonly #voucher: Voucher
  readonly #changed: () => void
  #known: Vouched | null = null
  #claims: readonly string[] = []
  /** When we asked last, at most `BURST` times. */
  #asked: readonly number[] = []
  #tries = 0
  #asking = false
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `changed` is called when another answer came. */
  constructor(voucher: Voucher, changed: () => void) {
    this.#voucher = voucher
    this.#changed = changed
  }

  /** The last answer that named somebody: it holds while the web server is away or knows of none. */
  get known(): Vouched | null {
    return this.#known
  }

  /** What was told at joining. */
  told(vouched: Vouched | null): void {
    this.#known = vouched ?? this.#known
  }

  /** Those in the room, at every change. */
  look(people: Iterable<Present>): void {
    const claims = [...people].filter(isInterpreter).map(claimOf).sort()
    if (claims.join('\n') === this.#claims.join('\n')) return
    this.#claims = claims
    this.#tries = 0
    this.#plan()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #plan(): void {
    if (this.#asking || this.#closed) return
    clearTimeout(this.#timer)
    if (this.#claims.length === 0) return
    const now = Date.now()
    const oldest = this.#asked.length < BURST ? 0 : this.#asked[0]! + BURST * REFILL
    const again = this.#tries === 0 ? 0 : Math.min(LONGEST, AGAIN * 2 ** (this.#tries - 1))
    this.#timer = setTimeout(() => void this.#ask(), Math.max(again, oldest - now, 0))
  }

  async #ask(): Promise<void> {
    const claims = this.#claims
    this.#asking = true
    this.#tries += 1
    this.#asked = [...this.#asked, Date.now()].slice(-BURST)
    const answer = await this.#voucher().catch(() => undefined)
    this.#asking = false
    if (this.#closed) return
    if (answer && JSON.stringify(answer) !== JSON.stringify(this.#known)) {
      this.#known = answer
      this.#changed()
    }
    const settled =
      this.#known !== null &&
      this.#claims.includes(claim(this.#known.identity, String(this.#known.epoch), this.#known.key))
    if (claims !== this.#claims || answer === undefined || !settled) this.#plan()
  }
}

const claimOf = ({ identity, attributes }: Present) =>
  claim(identity, attributes[ATTRIBUTE.epoch] ?? '', attributes[ATTRIBUTE.key] ?? '')

const claim = (identity: string, epoch: string, key: string) => JSON.stringify([identity, epoch, key])
