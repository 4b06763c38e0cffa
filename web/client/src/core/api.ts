/** The web server's API: rooms, joining, and every refusal as one typed error. */
import * as v from 'valibot'
import { withoutAccents } from './languages'
import type { Term } from './terms'
import type { Vouched } from './vouching'

const TIMEOUT = 10_000
/** Characters of a meeting's title and of a person's name; the server's limits, which a test compares. */
export const TITLE_LIMIT = 120
export const NAME_LIMIT = 64

const Grade = v.picklist(['good', 'fair', 'rough', 'poor', 'unmeasured'])
const Quality = v.object({
  grade: v.fallback(Grade, 'unmeasured'),
  figure: v.nullish(v.number()),
  measure: v.nullish(v.string()),
  route: v.nullish(v.string()),
  engine: v.nullish(v.string()),
})
/** The words of a measure with the worst figure of each, best first; what is worse than all of them is `poor`. */
const Scale = v.record(v.string(), v.number())
const Grades = v.object({ wer: v.fallback(Scale, {}), chrf: v.fallback(Scale, {}) })
const Engine = v.object({
  engine: v.string(),
  licence: v.nullish(v.string()),
  /** The hosts elsewhere to which its engines hand on what they are given. */
  leaves: v.fallback(v.record(v.string(), v.string()), {}),
})
const Language = v.object({
  tag: v.string(),
  speak: v.nullish(Quality),
  read: v.nullish(v.object({ from: v.record(v.string(), Quality) })),
  hear: v.nullish(Quality),
})
/** How long a kind is kept: so many days (null: for ever) from when it was said or from the meeting's end. */
const Lasts = v.object({ days: v.nullable(v.number()), since: v.picklist(['said', 'end']) })
const Keeps = v.object({
  policy: v.string(),
  source: v.nullish(Lasts),
  translation: v.nullish(Lasts),
  redacted: v.nullish(Lasts),
  redaction: v.fallback(v.picklist(['off', 'tag', 'mask']), 'off'),
})
const Offered = v.object({ default: v.string(), policies: v.array(Keeps) })
const RoomInfo = v.object({
  room: v.string(),
  title: v.string(),
  keeps: Keeps,
  secret_needed: v.fallback(v.boolean(), false),
  people: v.fallback(v.number(), 0),
  limit: v.nullish(v.number()),
  interpreter: v.fallback(v.string(), 'absent'),
  engines: v.nullish(v.record(v.string(), v.nullish(Engine))),
  languages: v.fallback(v.array(Language), []),
  grades: v.fallback(Grades, { wer: {}, chrf: {} }),
})
const Vouched = v.object({ identity: v.string(), epoch: v.pipe(v.number(), v.safeInteger()), key: v.string() })
const Nobody = v.object({ identity: v.null(), epoch: v.null(), key: v.null() })
const Joined = v.object({
  server: v.string(),
  token: v.string(),
  identity: v.string(),
  interpreter: v.fallback(v.nullable(Vouched), null),
})
const Made = v.object({ room: v.string(), join: v.string() })
const Offer = v.object({ offered: v.boolean() })
const Trial = v.object({ room: v.string(), secret: v.string() })
const Refusal = v.object({ code: v.string(), message: v.fallback(v.string(), '') })
const Talk = v.object({
  file: v.string(),
  title: v.string(),
  language: v.string(),
  seconds: v.number(),
  licence: v.string(),
  attribution: v.string(),
})

export type Grade = v.InferOutput<typeof Grade>
export type Engine = v.InferOutput<typeof Engine>
export type Quality = v.InferOutput<typeof Quality>
export type Grades = v.InferOutput<typeof Grades>
export type Language = v.InferOutput<typeof Language> & {
  /** What its words mean in figures, as the server told with it. */
  grades?: Grades
}
export type Lasts = v.InferOutput<typeof Lasts>
export type Keeps = v.InferOutput<typeof Keeps>
export type Offered = v.InferOutput<typeof Offered>
export type RoomInfo = Omit<v.InferOutput<typeof RoomInfo>, 'languages' | 'grades'> & { languages: Language[] }
type Joined = v.InferOutput<typeof Joined>
export type TalkFile = v.InferOutput<typeof Talk>

interface JoinRequest {
  name: string
  speaks: string
  reads: string
  hears: string
  secret?: string
}

/**
 * The server said no, or said nothing: `server_away` when it cannot be reached, `bad_answer` when it makes no sense.
 */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message = '',
  ) {
    super(message || code)
    this.name = 'ApiError'
  }
}

export class Api {
  readonly #fetch: typeof fetch
  readonly #base: string

  constructor(base = '', fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#base = base
    this.#fetch = fetcher
  }

  /** What a person may know before joining. */
  async room(room: string): Promise<RoomInfo> {
    const { grades, languages, ...info } = await this.#ask(`/api/rooms/${encodeURIComponent(room)}`, RoomInfo)
    return { ...info, languages: withoutAccents(languages).map((language) => ({ ...language, grades })) }
  }

  join(room: string, request: JoinRequest): Promise<Joined> {
    return this.#ask(`/api/rooms/${encodeURIComponent(room)}/join`, Joined, { body: request })
  }

  /** The interpreter whose captions are to be believed; null where there is none. */
  async interpreter(room: string): Promise<Vouched | null> {
    const answer = await this.#ask(`/api/rooms/${encodeURIComponent(room)}/interpreter`, v.union([Vouched, Nobody]))
    return answer.identity === null ? null : answer
  }

  /** Make a room. Only a host may: `secret` is what the server printed at its start. */
  make(
    title: string,
    secret: string,
    glossary: readonly Term[] = [],
    keep = 'nothing',
  ): Promise<{ room: string; join: string }> {
    return this.#ask('/api/rooms', Made, { body: { title, glossary, keep }, bearer: secret })
  }

  /** The policies that a room may keep by, and which one counts where nobody chooses. */
  policies(): Promise<Offered> {
    return this.#ask('/api/policies', Offered)
  }

  /** Whether one may have a room for trying it out. */
  async trialOffered(): Promise<boolean> {
    return (await this.#ask('/api/trials', Offer)).offered
  }

  /** A room of one's own for trying it out; it is gone after the visit. */
  trial(): Promise<{ room: string; secret: string }> {
    return this.#ask('/api/trials', Trial, { body: {} })
  }

  talks(): Promise<TalkFile[]> {
    return this.#ask('/talks/talks.json', v.array(Talk))
  }

  async #ask<T>(
    path: string,
    shape: v.GenericSchema<unknown, T>,
    send?: { body: object; bearer?: string },
  ): Promise<T> {
    const response = await this.#send(path, send)
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) throw refusal(response.status, body)
    const answer = v.safeParse(shape, body)
    if (!answer.success) throw new ApiError('bad_answer')
    return answer.output
  }

  async #send(path: string, send?: { body: object; bearer?: string }): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (send) headers['content-type'] = 'application/json'
    if (send?.bearer) headers.authorization = `Bearer ${send.bearer}`
    try {
      return await this.#fetch(this.#base + path, {
        method: send ? 'POST' : 'GET',
        headers,
        signal: AbortSignal.timeout(TIMEOUT),
        ...(send ? { body: JSON.stringify(send.body) } : {}),
      })
    } catch {
      throw new ApiError('server_away')
    }
  }
}

/** An error out of a refused request; a proxy's page instead of ours means the server is away. */
function refusal(status: number, body: unknown): ApiError {
  const said = v.safeParse(Refusal, body)
  if (said.success) return new ApiError(said.output.code, said.output.message)
  return new ApiError(status >= 502 && status <= 504 ? 'server_away' : 'bad_answer')
}
