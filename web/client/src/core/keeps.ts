/** What is kept of a meeting, as sentences need it. */
import type { Keeps, Lasts } from './api'

export const NOTHING: Keeps = { policy: 'nothing', redaction: 'off' }

/** `redacted`: what is said, with personal data masked; `both`: what is said, and its translations as long. */
export type Kind = 'source' | 'translation' | 'both' | 'redacted'

export interface Part {
  kind: Kind
  lasts: Lasts
}

/** What is kept, part by part; kinds that last alike are one part. */
export function partsOf(keeps: Keeps): readonly Part[] {
  const { source, translation, redacted } = keeps
  const said: Kind = keeps.redaction === 'mask' ? 'redacted' : 'source'
  const parts: Part[] = []
  if (source && translation && alike(source, translation)) parts.push({ kind: 'both', lasts: source })
  else {
    if (source) parts.push({ kind: said, lasts: source })
    if (translation) parts.push({ kind: 'translation', lasts: translation })
  }
  if (redacted) parts.push({ kind: 'redacted', lasts: redacted })
  return parts
}

/** The part that stays longest: what a badge says in two words. */
export function longest(parts: readonly Part[]): Part | null {
  return parts.reduce<Part | null>(
    (best, part) => (best === null || stays(part.lasts) > stays(best.lasts) ? part : best),
    null,
  )
}

/**
 * What holds now: what the interpreter says it keeps, once it is in the room; until then what was said before joining.
 * Null where it names a policy that `known` does not describe.
 */
export function holding(known: Keeps, says: string | null): Keeps | null {
  if (says === null || says === known.policy) return known
  return says === 'nothing' ? NOTHING : null
}

const alike = (one: Lasts, other: Lasts) => one.days === other.days && one.since === other.since
const stays = (lasts: Lasts) => (lasts.days ?? Infinity) + (lasts.since === 'end' ? 0.5 : 0)
