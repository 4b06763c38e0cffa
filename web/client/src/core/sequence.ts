/** Which finals of a language have arrived: what is missing, and from where to ask again. */

export interface Sequence {
  /** All up to here arrived, or were asked for in vain. */
  upTo: number
  /** Arrived beyond a gap. */
  beyond: readonly number[]
}

/** Arrivals beyond a gap that are held; with more of them, what is missing will not come. */
export const BEYOND = 500

export const fromStart: Sequence = { upTo: 0, beyond: [] }

export function arrived(sequence: Sequence, seq: number): Sequence {
  if (seq <= sequence.upTo || sequence.beyond.includes(seq)) return sequence
  const after = closed({ upTo: sequence.upTo, beyond: [...sequence.beyond, seq].sort((a, b) => a - b) })
  return after.beyond.length > BEYOND ? giveUp(after) : after
}

export const hasGap = (sequence: Sequence): boolean => sequence.beyond.length > 0

/** What could not be caught up is gone: go on from what there is. */
export function giveUp(sequence: Sequence): Sequence {
  const [first] = sequence.beyond
  return first === undefined ? sequence : closed({ upTo: first - 1, beyond: sequence.beyond })
}

function closed({ upTo, beyond }: Sequence): Sequence {
  const rest = [...beyond]
  while (rest[0] === upTo + 1) {
    upTo += 1
    rest.shift()
  }
  return { upTo, beyond: rest }
}
