/** What a language of the interface must say; the compiler minds that none leaves anything out. */
import type { Grade } from '../core/api'
import type { EngineName } from '../core/engines'
import type { Kind } from '../core/keeps'

type Stages = 'speak' | 'read' | 'hear'

export interface Words {
  tag: string
  product: string
  close: string
  copy: string
  copied: string
  retry: string
  loading: string
  search: string
  nothingFound: string
  you: string
  landing: Record<
    | 'title' | 'lead' | 'tryText' | 'tryButton' | 'makeHead' | 'makeText' | 'roomTitle' | 'terms' | 'termsText' | 'secret' | 'make' | 'made'
    | 'open' | 'joinHead' | 'joinText' | 'joinLabel' | 'join' | 'joinBad' | 'keptHead' | 'keptText' | 'keepText' | 'addHead' | 'addText' | 'addMore',
    string
  >
  prejoin: Record<
    | 'preview' | 'microphone' | 'camera' | 'turnOnMicrophone' | 'turnOffMicrophone' | 'turnOnCamera' | 'turnOffCamera'
    | 'level' | 'levelHint' | 'name' | 'speak' | 'read' | 'hear' | 'join' | 'joinListening' | 'joining' | 'orTry' | 'tryTalk' | 'listenNote',
    string
  > & { people: (count: number, limit: number | null) => string }
  kept: {
    nothing: string
    nothingShort: string
    /** With a time, as the next three give it. */
    says: Record<Kind, (time: string) => string>
    short: (time: string) => string
    days: (days: number) => string
    afterEnd: (days: number) => string
    forever: string
    masked: string
    policy: (name: string) => string
    what: string
    moreNothing: string
    moreKept: string
    /** While what is said may not be kept although it should be. */
    gaps: string
  }
  language: {
    auto: string
    autoHint: string
    same_hear: string
    same_read: string
    same: (language: string) => string
    off: string
    original: string
    grade: Record<Grade, string>
    /** Nothing is translated into it: only what is said in it can be read. */
    onlySpoken: string
    reason: Record<Stages, string>
    figures: string
    showFigures: string
    hideFigures: string
    wer: (share: string) => string
    chrf: (score: string) => string
    from: (language: string) => string
    by: (route: string) => string
    noFigure: string
    explain: Record<Stages, string>
    /** A word of quality with the worst figure that is called so: the highest of errors, the lowest of scores. */
    upTo: (share: string, word: string) => string
    atLeast: (score: string, word: string) => string
    otherwise: (word: string) => string
  }
  errors: Record<ErrorWord, string> & { other: (code: string) => string }
  devices: Record<'denied' | 'missing' | 'busy' | 'insecure' | 'failed', string> & { unnamed: (number: number) => string }
  state: Record<
    | 'connecting' | 'reconnecting' | 'left' | 'unreadable' | 'absent' | 'bringing_back' | 'starting' | 'no_worker_free' | 'captions_only' | 'engines_away' | 'encrypted'
    | 'skipping' | 'degraded' | 'nothing_wanted' | 'interpreting' | 'skipped' | 'details',
    string
  > &
    Record<'no_voice' | 'no_captions' | 'too_many_languages', (language: string) => string> & {
      behind: (seconds: string) => string
      /** `from` begins the sentence. */
      untranslated: (from: string, language: string) => string
    }
  details: Record<
    'title' | 'recognise' | 'direct' | 'direct_whisper' | 'noncommercial' | 'translate' | 'speak' | 'delays' | 'routes' | 'kept' | 'spoken' | 'noEngine',
    string
  > & {
      seconds: (seconds: string) => string
      licence: (names: string) => string
      dropped: (count: number) => string
      /** What engines are, in a sentence without their names where they have but one line. */
      engines: Record<EngineName, string>
      /** What is said goes to a host elsewhere. */
      leaves: (host: string) => string
    }
  room: Record<
    | 'mute' | 'unmute' | 'cameraOn' | 'cameraOff' | 'share' | 'unshare' | 'captions' | 'transcript' | 'settings' | 'keys' | 'leave' | 'hear'
    | 'read' | 'invite' | 'sound' | 'grid' | 'controls' | 'muted' | 'synthetic' | 'notCorrected' | 'original'
    | 'someone' | 'alone' | 'newest',
    string
  > & {
    screenOf: (name: string) => string
    foundOut: (language: string) => string
    correct: (name: string) => string
    corrected: (name: string, language: string) => string
    voice: (letter: string) => string
    deviceFailed: (name: string) => string
  }
  transcript: Record<'title' | 'empty' | 'noLine' | 'languages' | 'noOthers' | 'copyAll' | 'skipped', string> & {
    lines: (count: number) => string
  }
  settings: Record<
    | 'title' | 'captions' | 'size' | 'position' | 'bottom' | 'top' | 'backdrop' | 'second' | 'none' | 'originalWords' | 'sound' | 'under'
    | 'cleaned' | 'voice' | 'lend' | 'lendText' | 'devices' | 'output' | 'page' | 'theme' | 'auto' | 'light' | 'dark' | 'interface' | 'sample',
    string
  >
  keys: Record<'title' | 'mute' | 'captions' | 'language' | 'transcript' | 'help', string>
  talk: Record<
    'name' | 'guest' | 'joining' | 'waiting' | 'playing' | 'ended' | 'stopped' | 'failed' | 'stop' | 'replay' | 'source',
    string
  >
  /** An address at which nothing is. */
  unknown: Record<'title' | 'text', string>
  left: Record<'left' | 'removed' | 'closed' | 'elsewhere' | 'lost' | 'again' | 'home', string>
  /** The room's controls, what they ask and what they say when they fail. */
  inside: Record<'speak' | 'languages' | 'more' | 'switch' | 'no' | 'shortcuts' | 'shortcutsOff', string> & {
    soundsLike: (language: string) => string
    suggested: (name: string, language: string) => string
    suggest: (name: string) => string
    /** A language on somebody's tile, which can be objected to. */
    spoken: (language: string) => string
    device: Record<'denied' | 'missing' | 'busy' | 'insecure' | 'failed' | 'ended', string>
  }
  /** A room for trying it out. */
  trial: Record<'notHere' | 'full' | 'failed', string>
}

/** Refusals that have a sentence of their own. */
export const ERROR_WORDS = [
  'room_not_found',
  'link_invalid',
  'secret_missing',
  'room_full',
  'bad_name',
  'bad_title',
  'bad_glossary',
  'unknown_language',
  'unknown_policy',
  'host_secret_wrong',
  'not_allowed',
  'too_many_requests',
  'sfu_away',
  'database_away',
  'vault_away',
  'server_away',
  'bad_answer',
  'connect_failed',
  'token_refused',
  'unsupported',
  'page_broken',
] as const
export type ErrorWord = (typeof ERROR_WORDS)[number]

/** The sentence of a refusal. */
export function sentence(words: Words, code: string): string {
  const known = ERROR_WORDS.find((one) => one === code)
  return known ? words.errors[known] : words.errors.other(code)
}
