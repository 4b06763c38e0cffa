/** The state line: of all that may be going on, the one thing a person should know now. */
import type { Interpreter } from './interpreter'
import type { Wishes } from './choices'

export type Connection = 'connecting' | 'connected' | 'reconnecting' | 'left'

export type Phase =
  | {
      is:
        | 'connecting'
        | 'reconnecting'
        | 'left'
        | 'unreadable'
        | 'bringing_back'
        | 'absent'
        | 'starting'
        | 'no_worker_free'
    }
  | { is: 'captions_only' | 'skipping' | 'engines_away' | 'encrypted' | 'degraded' | 'nothing_wanted' }
  | { is: 'no_voice' | 'no_captions' | 'too_many_languages'; tag: string }
  | { is: 'untranslated'; tag: string; from: string }
  | { is: 'interpreting'; languages: readonly string[] }

/** Steps at which captions come later, and nothing else is missing. */
const BUSY = new Set(['degraded', 'slower', 'merging'])

export interface Situation {
  connection: Connection
  interpreter: Interpreter | null
  /** What the web server says of a room without an interpreter: whether one is on its way, or nobody is free. */
  called?: string
  /** There was an interpreter before. */
  had: boolean
  /** This browser cannot check captions, or the interpreter's key is none. */
  unreadable: boolean
  refused: Readonly<Record<string, string>>
  wishes: Wishes
  /** Languages spoken now of which nothing comes in the language that is read. */
  unreached?: readonly string[]
}

export function phaseOf({
  connection,
  interpreter,
  called = '',
  had,
  unreadable,
  refused,
  wishes,
  unreached = [],
}: Situation): Phase {
  if (connection !== 'connected') return { is: connection }
  if (interpreter === null && called === 'no_worker_free') return { is: 'no_worker_free' }
  if (interpreter === null) return { is: had ? 'bringing_back' : called === 'starting' ? 'starting' : 'absent' }
  if (unreadable) return { is: 'unreadable' }
  if (interpreter.state === 'starting') return { is: 'starting' }
  if (interpreter.state === 'engines_away') return { is: 'engines_away' }
  if (interpreter.state === 'encrypted') return { is: 'encrypted' }
  const full = [wishes.reads, wishes.hears].find((tag) => refused[tag] === 'too_many_languages')
  if (full) return { is: 'too_many_languages', tag: full }
  // Words without a voice can still be read.
  if (wishes.reads && (refused[wishes.reads] ?? 'no_voice') !== 'no_voice')
    return { is: 'no_captions', tag: wishes.reads }
  if (wishes.reads && unreached[0]) return { is: 'untranslated', tag: wishes.reads, from: unreached[0] }
  if (interpreter.state === 'captions_only' || interpreter.state === 'skipping') return { is: interpreter.state }
  if (wishes.hears && refused[wishes.hears]) return { is: 'no_voice', tag: wishes.hears }
  if (BUSY.has(interpreter.state)) return { is: 'degraded' }
  if (!wishes.reads && !wishes.hears) return { is: 'nothing_wanted' }
  return { is: 'interpreting', languages: interpreter.languages }
}

/** How the phase is coloured; the words say the same. */
export function toneOf(phase: Phase): 'good' | 'busy' | 'warning' | 'bad' | 'quiet' {
  switch (phase.is) {
    case 'interpreting':
      return 'good'
    case 'connecting':
    case 'reconnecting':
    case 'starting':
    case 'bringing_back':
      return 'busy'
    case 'no_worker_free':
    case 'captions_only':
    case 'skipping':
    case 'degraded':
    case 'no_voice':
    case 'no_captions':
    case 'untranslated':
    case 'too_many_languages':
      return 'warning'
    case 'engines_away':
    case 'encrypted':
    case 'unreadable':
      return 'bad'
    case 'absent':
    case 'nothing_wanted':
    case 'left':
      return 'quiet'
  }
}
