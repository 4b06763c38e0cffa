/** When the original goes under the dub and when it comes back: pure, from cues and from what is really heard. */
import { sameLanguage } from './languages'

export interface Voice {
  /** The caption being spoken, as the last cue said. */
  saying: { id: string; identity: string; since: number } | null
  /** The last cue said that it ended, then. */
  ended: number | null
  /** When the dub's track was last heard to sound. */
  heard: number | null
  /** Seconds from a clause's end to its voice, as last told. */
  behind: number
  /** When the voice last skipped something. */
  skipped: number | null
  sounding: boolean
  /** Whose words the voice last said. */
  of: string | null
  /** Its level can be measured; else only the cues are there to go by. */
  measured: boolean
}

export const silent: Voice = {
  saying: null,
  ended: null,
  heard: null,
  behind: 0,
  skipped: null,
  sounding: false,
  of: null,
  measured: false,
}

/** Speech above this level of a 0 to 1 waveform (root mean square) sounds. */
const AUDIBLE = 0.004
/** A breath inside a sentence is no end: without a cue, this much silence is. */
const GAP = 300
/** After the cue `ended`, the last sounds are still on their way for about this long. */
const TAIL = 200
/** A cue whose sound never comes, or whose end got lost, holds the original down no longer than this. */
const LOST = 1_200
/** The same where nothing can be measured: longer than any clause takes to say. */
const LOST_UNMEASURED = 15_000

export interface CueEvent {
  event: 'started' | 'ended' | 'skipped'
  id: string
  identity: string
  behind: number
}

export function onCue(voice: Voice, cue: CueEvent, now: number): Voice {
  switch (cue.event) {
    case 'started': {
      const saying = { id: cue.id, identity: cue.identity, since: now }
      return step({ ...voice, saying, of: cue.identity, ended: null, behind: cue.behind }, now)
    }
    case 'ended':
      return voice.saying && voice.saying.id !== cue.id ? voice : { ...voice, saying: null, ended: now }
    case 'skipped':
      return { ...voice, skipped: now, behind: Math.max(voice.behind, cue.behind) }
  }
}

/** The level of the dub's track now, or null where it cannot be measured. */
export function onLevel(voice: Voice, level: number | null, now: number): Voice {
  const measured = level !== null
  const heard = measured && level >= AUDIBLE ? now : voice.heard
  const same = measured === voice.measured && heard === voice.heard
  return step(same ? voice : { ...voice, measured, heard }, now)
}

function step(voice: Voice, now: number): Voice {
  const quiet = voice.heard === null ? Infinity : now - voice.heard
  const lost = voice.measured ? LOST : LOST_UNMEASURED
  const promised = voice.saying !== null && Math.min(quiet, now - voice.saying.since) < lost
  const trailing = voice.ended !== null && now - voice.ended < TAIL
  const audible = quiet < (voice.ended === null ? GAP : TAIL)
  const sounding = promised || trailing || audible
  if (sounding === voice.sounding && (voice.saying === null || promised)) return voice
  return { ...voice, sounding, saying: promised ? voice.saying : null }
}

/** An original's speaker: `language` is theirs, where it is known. */
interface Speaker {
  identity: string
  language: string | undefined
}

/** How loud an original should be for `own`, who hears the language `hears`, 0 to 1. */
export function loudness(
  voice: Voice,
  { identity, language }: Speaker,
  own: string,
  hears: string,
  under: number,
): number {
  if (!voice.sounding || hears === '' || voice.of === own) return 1
  if (language !== undefined && sameLanguage(language, hears)) return 1
  // A voice over several unknown ones: only the person whose words are being said goes under.
  if (language === undefined && voice.of !== null && voice.of !== identity) return 1
  return under
}

/** How loud the dub should be: nobody needs to hear their own words again. */
export const dubLoudness = (voice: Voice, own: string): number => (voice.of === own ? 0 : 1)

/** One step of a volume on its way: the whole way takes a fifth of a second. */
export function towards(now: number, wanted: number, stepMs: number): number {
  const most = stepMs / 200
  const gap = wanted - now
  return Math.abs(gap) <= most ? wanted : now + Math.sign(gap) * most
}
