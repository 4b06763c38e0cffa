/** Everything that was said, in order and in every language that arrived; pure, and bounded. */
import { plain } from './languages'
import type { Frame } from './wire'

interface Said {
  text: string
  engine: string
}

/** One clause with all its languages. */
export interface Entry {
  /** Unique over interpreters: `epoch:id`. */
  key: string
  id: string
  epoch: number
  start: number
  /** When it was said, Unix ms. */
  at: number
  identity: string
  speaker: string | null
  source: string
  said: Readonly<Record<string, Said>>
  /** The voice passed over it to catch up. */
  skipped: boolean
}

export type Entries = readonly Entry[]

/** Ten hours of lively talk; beyond it the oldest go. */
export const LIMIT = 20_000

/** Put a settled caption, said `at`, where it belongs: beside its own other languages, or by when it was said. */
export function record(entries: Entries, frame: Frame, at = frame.at, limit = LIMIT): Entries {
  if (!frame.final) return entries
  const place = placeOf(entries, frame)
  const found = entries[place]
  const said = { [frame.lang]: { text: frame.text, engine: frame.engine } }
  if (found?.id === frame.id && found.epoch === frame.epoch) {
    if (found.said[frame.lang]?.text === frame.text) return entries
    return entries.with(place, { ...found, at: Math.min(found.at, at), said: { ...found.said, ...said } })
  }
  const { id, epoch, start, identity, speaker, source } = frame
  const entry = { key: `${epoch}:${id}`, id, epoch, start, at, identity, speaker, source, said, skipped: false }
  const grown = place === entries.length ? [...entries, entry] : entries.toSpliced(place, 0, entry)
  return grown.length > limit ? grown.slice(grown.length - limit) : grown
}

/** Remember that the voice skipped a clause. */
export function skip(entries: Entries, id: string): Entries {
  const at = entries.findLastIndex((entry) => entry.id === id)
  return at < 0 || entries[at]!.skipped ? entries : entries.with(at, { ...entries[at]!, skipped: true })
}

/** The entries that hold a text, in any language or in the speaker's name. */
export function search(entries: Entries, query: string, nameOf: (entry: Entry) => string): Entries {
  const wanted = plain(query.trim())
  if (wanted === '') return entries
  const holds = (text: string) => plain(text).includes(wanted)
  return entries.filter((entry) => holds(nameOf(entry)) || Object.values(entry.said).some((said) => holds(said.text)))
}

/** As plain text, one clause a paragraph: for the clipboard. */
export function asText(
  entries: Entries,
  lang: string,
  nameOf: (entry: Entry) => string,
  time: (at: number) => string,
): string {
  return entries
    .map((entry) => {
      const own = entry.said[entry.source]?.text
      const read = entry.said[lang]?.text
      const lines = [own, read === own ? undefined : read].filter((line) => line !== undefined)
      return `${time(entry.at)} ${nameOf(entry)}\n${lines.join('\n')}`
    })
    .join('\n\n')
}

/** Where the clause is, or where it goes: by interpreter, then by when it was said; equal times keep their order. */
function placeOf(entries: Entries, frame: Frame): number {
  let at = entries.length
  while (at > 0 && isLater(entries[at - 1]!, frame)) at -= 1
  let same = at - 1
  while (same >= 0 && entries[same]!.epoch === frame.epoch && entries[same]!.start === frame.start) {
    if (entries[same]!.id === frame.id) return same
    same -= 1
  }
  return at
}

function isLater(entry: Entry, frame: Frame): boolean {
  return entry.epoch > frame.epoch || (entry.epoch === frame.epoch && entry.start > frame.start)
}
