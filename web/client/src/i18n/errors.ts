/** The sentences of refusals. */
import type { Words } from './words'

/** Refusals that have a sentence of their own. */
export const ERROR_WORDS = [
  'room_not_found',
  'link_invalid',
  'secret_missing',
  'room_full',
  'bad_name',
  'bad_title',
  'bad_glossary',
  'unknown_language',
  'unknown_policy',
  'host_secret_wrong',
  'not_allowed',
  'too_many_requests',
  'sfu_away',
  'database_away',
  'vault_away',
  'server_away',
  'bad_answer',
  'connect_failed',
  'token_refused',
  'unsupported',
  'page_broken',
] as const

/** The sentence of a refusal. */
export function sentence(words: Words, code: string): string {
  const known = ERROR_WORDS.find((one) => one === code)
  return known ? words.errors[known] : words.errors.other({ code })
}
