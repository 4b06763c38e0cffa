/** A colour for each voice, in the order they were first met; eight that colour-blind people can tell apart. */
export const COLOURS = 8

export class Colours {
  readonly #met = new Map<string, number>()

  /** 1 to 8; the ninth voice shares the first one's. */
  of(identity: string): number {
    const known = this.#met.get(identity)
    if (known !== undefined) return known
    const next = (this.#met.size % COLOURS) + 1
    this.#met.set(identity, next)
    return next
  }
}

/** The letters that stand in for a face: up to two. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u)
  const first = words[0]?.match(/\p{L}|\p{N}/u)?.[0] ?? '·'
  const last = words.length > 1 ? (words.at(-1)!.match(/\p{L}|\p{N}/u)?.[0] ?? '') : ''
  return (first + last).toLocaleUpperCase()
}
