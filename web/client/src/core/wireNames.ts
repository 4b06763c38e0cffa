/**
 * What things are called on the wire; `agent/wire_names.py` has the same, and a golden file holds the two against each
 * other.
 */

/** How the identity of an interpreter starts. */
export const INTERPRETER = 'interpreter-'
/**
 * How a data track with live captions, a topic with finals, a voice's audio track and a topic of cues start; the
 * language follows.
 */
export const CAPTIONS_TRACK = 'captions.'
export const CAPTIONS_TOPIC = 'captions/'
export const DUB_TRACK = 'dub.'
export const CUES_TOPIC = 'dub/'

/** Of an interpreter's participant. */
export const ATTRIBUTE = {
  key: 'dragoman.key',
  epoch: 'dragoman.epoch',
  state: 'dragoman.state',
  languages: 'dragoman.languages',
  detected: 'dragoman.detected',
  spoken: 'dragoman.spoken',
  suggested: 'dragoman.suggested',
  keeps: 'dragoman.keeps',
  keeping: 'dragoman.keeping',
  zero: 'dragoman.zero',
  unheard: 'dragoman.unheard',
  alike: 'dragoman.alike',
} as const

/** Calls that an interpreter answers. */
export const METHOD = {
  captions: 'dragoman.captions',
  languages: 'dragoman.languages',
  lend: 'dragoman.lend',
  speaks: 'dragoman.speaks',
} as const
