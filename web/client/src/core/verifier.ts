/** Every frame is checked here, in the order it came, and what is wrong is dropped and counted. */
import type { Interpreter } from './interpreter'
import { publicKey, readCaption, readCue, WireError, type Cue, type Frame, type Key, type WireCode } from './wire'

/** `early` came before there was anybody to trust; catching up brings it again. */
type Dropped = WireCode | 'bad_sender' | 'bad_carrier' | 'early'

export interface Counts {
  captions: number
  cues: number
  dropped: Partial<Record<Dropped, number>>
}

export interface Inside {
  caption: (frame: Frame) => void
  cue: (cue: Cue) => void
}

export class Verifier {
  readonly counts: Counts = { captions: 0, cues: 0, dropped: {} }
  readonly #inside: Inside
  #trusted: { identity: string; epoch: number; key: Key } | null = null
  #line: Promise<void> = Promise.resolve()

  constructor(inside: Inside) {
    this.#inside = inside
  }

  /** From what comes next on, only this interpreter's frames come in. Throws `WireError` if its key cannot be used. */
  trust(interpreter: Interpreter | null): Promise<void> {
    const done = this.#line.then(() => this.#take(interpreter))
    this.#line = done.catch(() => undefined)
    return done
  }

  async #take(interpreter: Interpreter | null): Promise<void> {
    this.#trusted = null
    if (interpreter === null || interpreter.key === '') return
    const { identity, epoch } = interpreter
    this.#trusted = { identity, epoch, key: await publicKey(interpreter.key) }
  }

  /** A caption that came by a carrier of language `lang`. Resolves when it is in or dropped. */
  caption(data: string | Uint8Array, sender: string, lang: string): Promise<void> {
    return this.#next(sender, async ({ key, epoch }) => {
      const frame = await readCaption(data, key, epoch)
      if (frame.lang === lang) {
        this.counts.captions += 1
        this.#inside.caption(frame)
      } else this.drop('bad_carrier')
    })
  }

  cue(data: Uint8Array, sender: string, lang: string): Promise<void> {
    return this.#next(sender, async ({ key, epoch }) => {
      const cue = await readCue(data, key, epoch)
      if (cue.lang === lang) {
        this.counts.cues += 1
        this.#inside.cue(cue)
      } else this.drop('bad_carrier')
    })
  }

  drop(why: Dropped): void {
    this.counts.dropped[why] = (this.counts.dropped[why] ?? 0) + 1
  }

  #next(sender: string, read: (trusted: { key: Key; epoch: number }) => Promise<void>): Promise<void> {
    this.#line = this.#line.then(async () => {
      const trusted = this.#trusted
      if (trusted?.identity !== sender) {
        this.drop(trusted === null ? 'early' : 'bad_sender')
        return
      }
      try {
        await read(trusted)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
        this.drop(error.code)
      }
    })
    return this.#line
  }
}
