/** When a clause was said, by the room's clock, whose zero the interpreter tells; pure. */
import type { Frame } from './wire'

/**
 * A caption made longer after its clause belongs to the transcript: on the screen it would be taken for what is said
 * now.
 */
const LIVE = 15_000

/** When the clause began, Unix ms. Where the zero is not known: when its frame was made. */
export function spokenAt(frame: Pick<Frame, 'start' | 'at'>, zero: number | null): number {
  return zero === null ? frame.at : Math.round(zero + frame.start * 1_000)
}

/** Whether the frame was made while people still spoke of it: frames made for whoever comes late are not. */
export function isLive(frame: Pick<Frame, 'end' | 'at'>, zero: number | null): boolean {
  return zero === null || frame.at - (zero + frame.end * 1_000) < LIVE
}
