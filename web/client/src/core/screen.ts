/** Which caption lines stand on the screen, and for how long: pure functions over what arrived and what time it is. */
import { dwell, flow, tokens, type Row, type Token } from './breaking'
import type { Frame } from './wire'

/** One voice's running text. Rows are counted from the first ever; `dropped` of them are no longer kept. */
export interface Roll {
  key: string
  identity: string
  speaker: string | null
  lang: string
  rows: readonly Row[]
  dropped: number
  live: readonly Live[]
  /** The first visible row's number. */
  top: number
  /** When each visible row was first seen. */
  seen: ReadonlyMap<number, number>
  active: number
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

const LINES = 2
/** Rows that may wait before the oldest are passed over; the transcript has them. */
const BACKLOG = 5
/** How long a line lingers when nothing follows it. */
const LINGER = 2_500
/** An interim that nobody touches has been lost. */
const STALE = 8_000
const REMEMBERED = 200

export function empty(slots = 2): Screen {
  return { rolls: [], slots: Array<null>(slots).fill(null), settled: [] }
}

export const voiceKey = (frame: { identity: string; speaker: string | null }): string =>
  frame.speaker === null ? frame.identity : `${frame.identity}\n${frame.speaker}`

/** Take a caption in: over its own earlier revision, or last. `limit` is a line's columns. */
export function put(screen: Screen, frame: Frame, now: number, limit: number): Screen {
  if (screen.settled.includes(frame.id)) return screen
  const key = voiceKey(frame)
  const roll = screen.rolls.find((one) => one.key === key) ?? newRoll(frame, key)
  const changed = frame.final ? settle(roll, frame, now, limit) : revise(roll, frame, now)
  if (changed === roll) return screen
  const rolls = [...screen.rolls.filter((one) => one.key !== key), changed]
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
    return rows.length > 0 ? [{ key: roll.key, identity: roll.identity, speaker: roll.speaker, lang: roll.lang, rows }] : []
  })
}

function newRoll(frame: Frame, key: string): Roll {
  const { identity, speaker, lang } = frame
  return { key, identity, speaker, lang, rows: [], dropped: 0, live: [], top: 0, seen: new Map(), active: 0 }
}

function settle(roll: Roll, frame: Frame, now: number, limit: number): Roll {
  const words = tokens(frame.text, frame.lang, Infinity, frame.id)
  const live = roll.live.filter((one) => one.id !== frame.id)
  return { ...roll, rows: flow(roll.rows, words, limit), live, active: now }
}

function revise(roll: Roll, frame: Frame, now: number): Roll {
  const before = roll.live.find((one) => one.id === frame.id)
  if (before && frame.rev <= before.rev) return roll
  const words = tokens(frame.text, frame.lang, frame.stable, frame.id)
  const next: Live = { id: frame.id, rev: frame.rev, start: frame.start, tokens: words, at: now }
  const live = [...roll.live.filter((one) => one.id !== frame.id), next].sort((a, b) => a.start - b.start)
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
  const from = roll.top - roll.dropped
  return allRows(roll, limit)
    .slice(from, from + LINES)
    .map((row, at) => ({ number: roll.top + at, row }))
}

/** Move the window down over rows that have been read; forget rows above it. */
function advance(roll: Roll, now: number, limit: number): Roll {
  const rows = allRows(roll, limit)
  const count = roll.dropped + rows.length
  const read = (number: number) => {
    const since = roll.seen.get(number)
    return since !== undefined && now - since >= dwell(rows[number - roll.dropped]!)
  }
  // An interim may shrink; what is left of it stays in sight.
  let top = Math.min(roll.top, roll.live.length > 0 ? Math.max(roll.dropped, count - 1) : count)
  if (count - top > LINES + BACKLOG) top = count - LINES
  while (count - top > LINES && read(top)) top += 1
  if (roll.live.length === 0 && isRead(roll, rows, now, LINGER)) top = count
  return noted(roll, top, count, now)
}

function noted(roll: Roll, top: number, count: number, now: number): Roll {
  const shown = Array.from({ length: Math.max(0, Math.min(LINES, count - top)) }, (_, at) => top + at)
  const same = top === roll.top && shown.length === roll.seen.size && shown.every((number) => roll.seen.has(number))
  if (same) return roll
  const seen = new Map(shown.map((number) => [number, roll.seen.get(number) ?? now]))
  // An interim may go on in the last settled row: that row stays, or the interim's words would move.
  const gone = Math.min(top - roll.dropped, roll.rows.length - (roll.live.length > 0 ? 1 : 0))
  if (gone <= 0) return { ...roll, top, seen }
  return { ...roll, top, seen, rows: roll.rows.slice(gone), dropped: roll.dropped + gone }
}

/** Whether every visible row stood long enough to be read, and `more` ms longer, and none waits. */
function isRead(roll: Roll, rows: readonly Row[], now: number, more = 0): boolean {
  if (roll.dropped + rows.length > roll.top + LINES) return false
  return rows.slice(roll.top - roll.dropped).every((row, at) => {
    const since = roll.seen.get(roll.top + at)
    return since !== undefined && now - Math.max(since, roll.active) >= dwell(row) + more
  })
}

function isDone(roll: Roll, limit: number): boolean {
  return roll.dropped + allRows(roll, limit).length <= roll.top && roll.live.length === 0
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
