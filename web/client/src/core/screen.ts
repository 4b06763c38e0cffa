/**
 * Which caption lines stand on the screen, and for how long: pure functions over what arrived and what time it is.
 *
 * The promise to whoever reads: each settled word stands for 1.5 s, and for 0.3 s for itself and for each word after
 * it in its row, counted from when that word came to its place; an interim's other word there was not that word yet.
 * A row goes when all its words have stood so long and another row waits for the place.
 *
 * What cannot be read in time gives way, always the same:
 * - words that may still change hold their row until they settle, or until more than HOLD rows wait. A correction that
 *   comes after that is in the transcript alone;
 * - of settled rows at most BACKLOG wait. Beyond it the oldest that wait are passed over: they never appear, and those
 *   that stand are not cut short. The transcript has them all.
 */
import { flow, reading, tokens, type Row, type Token } from './breaking'
import type { Frame } from './wire'

/** One voice's running text. Rows are counted from the first ever; `dropped` of them are no longer kept. */
interface Roll {
  key: string
  identity: string
  speaker: string | null
  lang: string
  rows: readonly Row[]
  dropped: number
  live: readonly Live[]
  /** The first row that has not been shown. */
  next: number
  /** The visible rows by number, in order, and since when each of their words stands there. */
  shown: ReadonlyMap<number, readonly Standing[]>
  active: number
}

interface Standing {
  word: string
  since: number
}

interface Live {
  id: string
  rev: number
  start: number
  tokens: readonly Token[]
  at: number
}

export interface Screen {
  rolls: readonly Roll[]
  /** The voices that are shown, each in its place. */
  slots: readonly (string | null)[]
  /** Captions that are settled: a late revision changes nothing. */
  settled: readonly string[]
}

export interface Shown {
  key: string
  identity: string
  speaker: string | null
  lang: string
  rows: { number: number; row: Row }[]
}

export const LINES = 2
/** Rows that may wait before the oldest of them are passed over. */
export const BACKLOG = 5
/** Rows that may wait for words that are not settled. */
export const HOLD = 1
/** Settled rows of a voice that are held, those of a voice without a place too. */
export const ROWS = 40
/** Interims of a voice at one time; the oldest gives way. */
export const LIVE = 8
/** Voices that may wait for a place; whoever waited longest gives up theirs. */
export const VOICES = 12
/** How long a line lingers when nothing follows it. */
const LINGER = 2_500
/** An interim that nobody touches has been lost. */
const STALE = 8_000
/** Settled captions whose late revisions are known to be late. */
export const REMEMBERED = 200

export function empty(slots = 2): Screen {
  return { rolls: [], slots: Array<null>(slots).fill(null), settled: [] }
}

const voiceKey = (frame: { identity: string; speaker: string | null }): string =>
  frame.speaker === null ? frame.identity : `${frame.identity}\n${frame.speaker}`

/** Take a caption in: over its own earlier revision, or last. `limit` is a line's columns. */
export function put(screen: Screen, frame: Frame, now: number, limit: number): Screen {
  if (screen.settled.includes(frame.id)) return screen
  const key = voiceKey(frame)
  const roll = screen.rolls.find((one) => one.key === key) ?? newRoll(frame, key)
  const changed = frame.final ? settle(roll, frame, now, limit) : revise(roll, frame, now)
  if (changed === roll) return screen
  const rolls = fewer([...screen.rolls.filter((one) => one.key !== key), changed], screen.slots)
  const settled = frame.final ? [...screen.settled, frame.id].slice(-REMEMBERED) : screen.settled
  return tick({ ...screen, rolls, settled }, now, limit)
}

/** Let time pass: lines that were read make room, silent voices leave, waiting ones come in. */
export function tick(screen: Screen, now: number, limit: number): Screen {
  const fresh = screen.rolls.map((roll) => withoutStale(roll, now))
  const slots = seat(fresh, screen.slots, now, limit)
  const rolls = fresh
    .map((roll) => (slots.includes(roll.key) ? advance(roll, now, limit) : roll))
    .filter((roll) => slots.includes(roll.key) || !isDone(roll, limit))
  const same = rolls.length === screen.rolls.length && rolls.every((roll, at) => roll === screen.rolls[at])
  return same && slots.every((key, at) => key === screen.slots[at]) ? screen : { ...screen, rolls, slots }
}

/** What to draw, in the places' order. */
export function view(screen: Screen, limit: number): Shown[] {
  return screen.slots.flatMap((key) => {
    const roll = screen.rolls.find((one) => one.key === key)
    if (!roll) return []
    const rows = visible(roll, limit)
    return rows.length > 0
      ? [{ key: roll.key, identity: roll.identity, speaker: roll.speaker, lang: roll.lang, rows }]
      : []
  })
}

function newRoll(frame: Frame, key: string): Roll {
  const { identity, speaker, lang } = frame
  return { key, identity, speaker, lang, rows: [], dropped: 0, live: [], next: 0, shown: new Map(), active: 0 }
}

/** No more voices than may wait: the one without a place that waited longest goes. */
function fewer(rolls: readonly Roll[], slots: Screen['slots']): readonly Roll[] {
  if (rolls.length <= slots.length + VOICES) return rolls
  const waiting = rolls.filter((roll) => !slots.includes(roll.key))
  const oldest = waiting.reduce((one, other) => (other.active < one.active ? other : one))
  return rolls.filter((roll) => roll !== oldest)
}

function settle(roll: Roll, frame: Frame, now: number, limit: number): Roll {
  const words = tokens(frame.text, frame.lang, Infinity, frame.id)
  const live = roll.live.filter((one) => one.id !== frame.id)
  const rows = flow(roll.rows, words, limit)
  // Beyond what is held, the oldest of those that wait go.
  const held = rows.toSpliced(roll.next - roll.dropped, Math.max(0, rows.length - ROWS))
  return { ...roll, rows: held, live, active: now }
}

function revise(roll: Roll, frame: Frame, now: number): Roll {
  const before = roll.live.find((one) => one.id === frame.id)
  if (before && frame.rev <= before.rev) return roll
  const words = tokens(frame.text, frame.lang, frame.stable, frame.id)
  const next: Live = { id: frame.id, rev: frame.rev, start: frame.start, tokens: words, at: now }
  const live = [...roll.live.filter((one) => one.id !== frame.id), next].sort((a, b) => a.start - b.start).slice(-LIVE)
  return { ...roll, live, active: now }
}

function withoutStale(roll: Roll, now: number): Roll {
  const live = roll.live.filter((one) => now - one.at < STALE)
  return live.length === roll.live.length ? roll : { ...roll, live }
}

function allRows(roll: Roll, limit: number): readonly Row[] {
  return roll.live.reduce<readonly Row[]>((rows, one) => flow(rows, one.tokens, limit), roll.rows)
}

function visible(roll: Roll, limit: number): { number: number; row: Row }[] {
  const rows = allRows(roll, limit)
  return [...roll.shown.keys()].flatMap((number) => {
    const row = rows[number - roll.dropped]
    return row ? [{ number, row }] : []
  })
}

/** Let rows that have been read make room for those that wait; forget the rows above. */
function advance(roll: Roll, now: number, limit: number): Roll {
  const rows = allRows(roll, limit)
  const count = roll.dropped + rows.length
  const shown = new Map<number, readonly Standing[]>()
  const show = (number: number) =>
    shown.set(number, standing(roll.shown.get(number), rows[number - roll.dropped]!, now))
  for (const number of roll.shown.keys()) if (number >= roll.dropped && number < count) show(number)
  // An interim may shrink; what is left of it stays in sight.
  if (shown.size === 0 && roll.live.length > 0 && roll.next >= count && rows.length > 0) show(count - 1)

  let next = Math.min(roll.next, count)
  for (;;) {
    const waiting = count - next
    if (waiting === 0) break
    if (shown.size === LINES) {
      const top = Math.min(...shown.keys())
      const row = rows[top - roll.dropped]!
      if (!hasStood(row, shown.get(top)!, now) || (waiting <= HOLD && !isSettled(row))) break
      shown.delete(top)
    }
    if (waiting > BACKLOG + (LINES - shown.size)) next = count - LINES
    show(next)
    next += 1
  }
  if (isRead({ ...roll, next, shown }, rows, now, LINGER)) shown.clear()
  return noted(roll, next, shown)
}

/** Since when each word of a row stands there: those that stood there before, and those that came now. */
function standing(before: readonly Standing[] | undefined, row: Row, now: number): readonly Standing[] {
  const same = before?.length === row.length && row.every((token, at) => before[at]!.word === token.text)
  if (same) return before
  return row.map(({ text }, at) => (before?.[at]?.word === text ? before[at] : { word: text, since: now }))
}

/** Whether every word of a row has stood for its time. */
function hasStood(row: Row, words: readonly Standing[], now: number, more = 0): boolean {
  return words.every(({ since }, at) => now - since >= reading(row.slice(at)) + more)
}

const isSettled = (row: Row): boolean => row.every((token) => token.settled)

function noted(roll: Roll, next: number, shown: Roll['shown']): Roll {
  const same =
    next === roll.next &&
    shown.size === roll.shown.size &&
    [...shown].every(([number, words]) => roll.shown.get(number) === words)
  if (same) return roll
  const [first = next] = shown.keys()
  // An interim may go on in the last settled row: that row stays, or the interim's words would move.
  const gone = Math.min(first - roll.dropped, roll.rows.length - (roll.live.length > 0 ? 1 : 0))
  if (gone <= 0) return { ...roll, next, shown }
  return { ...roll, next, shown, rows: roll.rows.slice(gone), dropped: roll.dropped + gone }
}

/** Whether every visible row has stood for its time, and `more` ms longer, and none waits or may change. */
function isRead(roll: Roll, rows: readonly Row[], now: number, more = 0): boolean {
  if (roll.live.length > 0 || roll.dropped + rows.length > roll.next) return false
  return [...roll.shown].every(([number, words]) => hasStood(rows[number - roll.dropped]!, words, now, more))
}

function isDone(roll: Roll, limit: number): boolean {
  return roll.live.length === 0 && roll.shown.size === 0 && roll.dropped + allRows(roll, limit).length <= roll.next
}

/** Who sits where: those shown keep their place; an empty or read one goes to whoever waits longest. */
function seat(rolls: readonly Roll[], slots: Screen['slots'], now: number, limit: number): (string | null)[] {
  const find = (key: string | null) => rolls.find((roll) => roll.key === key)
  const next = slots.map((key) => {
    const roll = find(key)
    return roll && !isDone(roll, limit) ? key : null
  })
  const waiting = rolls.filter((roll) => !next.includes(roll.key) && !isDone(roll, limit))
  for (const roll of waiting.sort((a, b) => a.active - b.active)) {
    const at = next.includes(null) ? next.indexOf(null) : quietest(next, find, roll, now, limit)
    if (at >= 0) next[at] = roll.key
  }
  return next
}

function quietest(
  slots: readonly (string | null)[],
  find: (key: string | null) => Roll | undefined,
  newcomer: Roll,
  now: number,
  limit: number,
): number {
  let found = -1
  let oldest = newcomer.active
  slots.forEach((key, at) => {
    const roll = find(key)
    if (roll && roll.active < oldest && isRead(roll, allRows(roll, limit), now)) {
      oldest = roll.active
      found = at
    }
  })
  return found
}
