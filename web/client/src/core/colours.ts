/** A colour for each voice, in the order they were first met; eight that colour-blind people can tell apart. */
export const COLOURS = 8
/** Voices whose colour is remembered; beyond it the first that was met gets a new one when it comes back. */
export const MET = 1_000

export class Colours {
  readonly #met = new Map<string, number>()
  #count = 0

  get size(): number {
    return this.#met.size
  }

  /** 1 to 8; the ninth voice shares the first one's. */
  of(identity: string): number {
    const known = this.#met.get(identity)
    if (known !== undefined) return known
    const next = (this.#count % COLOURS) + 1
    this.#count += 1
    this.#met.set(identity, next)
    if (this.#met.size > MET) this.#met.delete(this.#met.keys().next().value!)
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
