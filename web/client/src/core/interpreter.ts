/** Who the interpreter is, and what it says of itself in its attributes. */
import type { Vouched } from './vouching'
import { ATTRIBUTE, INTERPRETER } from './wireNames'

export interface Present {
  identity: string
  isAgent: boolean
  attributes: Readonly<Record<string, string>>
}

export interface Interpreter {
  identity: string
  epoch: number
  /** The public half of its caption key, JWK in JSON; '' while it has not shown it. */
  key: string
  state: string
  /** Languages that have captions now: spoken and wanted. */
  languages: readonly string[]
  keeps: string
  /** How keeping goes: `ok`, `waiting`, `failing`, `away`; '' where nothing is to be kept. */
  keeping: string
  /** Zero of the room's clock, Unix ms; null while it has not told it. */
  zero: number | null
  /** Languages that it found out: identity to tag. */
  detected: Readonly<Record<string, string>>
  /** What each person present says they speak, or `auto`. */
  spoken: Readonly<Record<string, string>>
  /** Languages that somebody was heard to speak against what they said: identity to tag. */
  suggested: Readonly<Record<string, string>>
  /** Who has a microphone that is not listened to, because too many are on. */
  unheard: readonly string[]
  /** Languages in which a dub can sound like the speaker. */
  alike: readonly string[]
}

/** Its kind comes from the server, so that nobody can merely name themselves so. */
export const isInterpreter = (who: Present): boolean => who.isAgent && who.identity.startsWith(INTERPRETER)

/** The one that the web server vouched for; nothing that anybody else says of themselves counts. */
export function interpreterOf(people: Iterable<Present>, vouched: Vouched | null): Interpreter | null {
  for (const who of people) {
    if (who.identity !== vouched?.identity || !isInterpreter(who)) continue
    const one = describe(who)
    return one?.epoch === vouched.epoch && one.key === vouched.key ? one : null
  }
  return null
}

/**
 * Where nobody vouches: the highest epoch, but one that has yet to show its key only if no other has.
 * Good for rooms into which nobody but you can send agents.
 */
export function interpreterAmong(people: Iterable<Present>): Interpreter | null {
  let best: Interpreter | null = null
  for (const who of people) {
    const one = isInterpreter(who) ? describe(who) : null
    if (one && (best === null || isBetter(one, best))) best = one
  }
  return best
}

function isBetter(one: Interpreter, other: Interpreter): boolean {
  if ((one.key === '') !== (other.key === '')) return one.key !== ''
  return one.epoch > other.epoch
}

function describe({ identity, attributes }: Present): Interpreter | null {
  const epoch = whole(attributes[ATTRIBUTE.epoch])
  if (epoch === null) return null
  return {
    identity,
    epoch,
    key: attributes[ATTRIBUTE.key] ?? '',
    state: attributes[ATTRIBUTE.state] ?? 'starting',
    languages: listed(attributes[ATTRIBUTE.languages]),
    keeps: attributes[ATTRIBUTE.keeps] ?? 'nothing',
    keeping: attributes[ATTRIBUTE.keeping] ?? '',
    zero: whole(attributes[ATTRIBUTE.zero]),
    detected: tags(attributes[ATTRIBUTE.detected]),
    spoken: tags(attributes[ATTRIBUTE.spoken]),
    suggested: tags(attributes[ATTRIBUTE.suggested]),
    unheard: names(attributes[ATTRIBUTE.unheard]),
    alike: listed(attributes[ATTRIBUTE.alike]),
  }
}

function listed(tags: string | undefined): string[] {
  return (tags ?? '').split(',').filter((tag) => tag !== '')
}

function names(json: string | undefined): string[] {
  const parsed = parse(json ?? '[]')
  return Array.isArray(parsed) ? parsed.filter((one): one is string => typeof one === 'string') : []
}

function whole(digits: string | undefined): number | null {
  const value = Number(digits ?? NaN)
  return Number.isSafeInteger(value) && value >= 0 ? value : null
}

function tags(json: string | undefined): Record<string, string> {
  const parsed = parse(json ?? '{}')
  if (typeof parsed !== 'object' || parsed === null) return {}
  return Object.fromEntries(
    Object.entries(parsed).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

/** JSON as it was told; null where it is none. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
