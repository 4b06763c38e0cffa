/** The questions a page can ask the interpreter. */
import { RpcError, type Room } from 'livekit-client'
import * as v from 'valibot'
import type { Wishes } from './choices'
import { METHOD } from './wireNames'

const Captions = v.object({
  frames: v.array(v.string()),
  more: v.boolean(),
  names: v.fallback(v.record(v.string(), v.string()), {}),
})
export type Captions = v.InferOutput<typeof Captions>

const Served = v.object({
  refused: v.fallback(v.record(v.string(), v.string()), {}),
  routes: v.fallback(v.record(v.string(), v.string()), {}),
  voice: v.fallback(v.nullish(v.string()), null),
  delays: v.fallback(v.record(v.string(), v.number()), {}),
})

/**
 * What the interpreter answers to wishes: what it refuses and why, over which routes it translates, how long each stage
 * takes.
 */
export type Served = v.InferOutput<typeof Served>

const Spoken = v.object({ suggested: v.fallback(v.boolean(), false) })
/** Whether somebody's language was changed, or they are only asked. */
type Spoken = v.InferOutput<typeof Spoken>

export class NobodyThere extends Error {}

/** What the interpreter itself refuses; its message is a code. */
const REFUSED = 4400
const LATER = new Set(['too_many_calls', 'too_soon'])

/** Whether the same call may succeed a little later: the interpreter is just starting, or has had enough for now. */
export function isPassing(error: unknown): boolean {
  return error instanceof RpcError && (error.code !== REFUSED || LATER.has(error.message))
}

export class Questions {
  readonly #room: Room
  readonly #to: () => string | null

  constructor(room: Room, to: () => string | null) {
    this.#room = room
    this.#to = to
  }

  async captions(lang: string, after: number): Promise<Captions> {
    return v.parse(Captions, await this.#ask(METHOD.captions, { lang, after }))
  }

  /** Say what one speaks, reads and hears from now on. */
  async languages({ speaks, reads, hears }: Wishes): Promise<Served> {
    return v.parse(Served, await this.#ask(METHOD.languages, { speaks, reads, hears }))
  }

  /** Lend one's voice to one's dubs, or take it back. */
  async lend(given: boolean): Promise<void> {
    await this.#ask(METHOD.lend, { given })
  }

  /** Say which language somebody speaks. Oneself and a host decide it; whoever else says so only suggests it. */
  async speaks(identity: string, language: string): Promise<Spoken> {
    return v.parse(Spoken, await this.#ask(METHOD.speaks, { identity, language }))
  }

  /** An absent interpreter would leave a call waiting for seven seconds; so look first. */
  async #ask(method: string, payload: object): Promise<unknown> {
    const identity = this.#to()
    if (identity === null || !this.#room.remoteParticipants.has(identity)) throw new NobodyThere(method)
    const { localParticipant } = this.#room
    return JSON.parse(
      await localParticipant.performRpc({ destinationIdentity: identity, method, payload: JSON.stringify(payload) }),
    )
  }
}
