/**
 * Engines by the names that they give themselves, for people: what they are called, what they are, under which licence.
 */

/** Those that the pages can say something about in every language; any other goes by its own name alone. */
const ENGINES = [
  'whisper',
  'bergamot',
  'apertium',
  'firefox',
  'opus',
  'madlad',
  'nllb',
  'espeak-ng',
  'piper',
  'coqui-vits',
  'coqui-xtts',
] as const
type EngineName = (typeof ENGINES)[number]

const CALLED: Record<EngineName, string> = {
  whisper: 'Whisper',
  bergamot: 'Bergamot',
  apertium: 'Apertium',
  firefox: 'Firefox Translations',
  opus: 'Opus-MT',
  madlad: 'MADLAD-400',
  nllb: 'NLLB-200',
  'espeak-ng': 'eSpeak NG',
  piper: 'Piper',
  'coqui-vits': 'Coqui VITS',
  'coqui-xtts': 'Coqui XTTS',
}

/** One of the engines behind a stage: `name` as people know it, `known` where there is more to say. */
export interface Part {
  name: string
  known: EngineName | null
}

/** The engines in `piper+espeak-ng`; of `whisper-large-v3` the engine is Whisper and the rest its model. */
export function partsOf(engine: string): Part[] {
  return engine.split('+').map((name) => {
    const known = ENGINES.find((one) => name === one || name.startsWith(`${one}-`)) ?? null
    return {
      name: known === null ? name : [CALLED[known], name.slice(known.length + 1).replaceAll('-', ' ')].join(' ').trim(),
      known,
    }
  })
}

interface Licence {
  /** Names that are the same everywhere: `MIT`, `GPL-3.0-or-later`. */
  names: readonly string[]
  noncommercial: boolean
}

/** The licences named in a sentence of the engine service. */
export function licenceOf(said: string): Licence {
  const names =
    said.match(/\b(?:MIT|(?:GPL|LGPL|AGPL|MPL|Apache|BSD|CC0|CC-BY)(?:-[A-Za-z0-9.]+)*|Coqui Public Model License)/g) ??
    []
  return { names: [...new Set(names)], noncommercial: /not for commercial use|\bNC\b/.test(said) }
}
