/** Messages as they come from the build become words: texts, and functions of what they are given. */
import { IntlMessageFormat } from 'intl-messageformat'
import type { Compiled } from '../../tools/icu'
import type { Words } from './words'

type Message = ConstructorParameters<typeof IntlMessageFormat>[0]
type Values = Record<string, string | number>

/** Every plural and select of a message goes by the rules of `tag`. */
export function wordsOf(tag: string, messages: Compiled): Words {
  // The check of the files says that they are what the type says: `npm run lint`.
  return { tag, ...spoken(tag, messages) } as unknown as Words
}

function spoken(tag: string, messages: Compiled): object {
  const entries = Object.entries(messages).map(([key, message]) => {
    if (typeof message === 'string') return [key, message]
    return [key, Array.isArray(message) ? formatted(tag, message) : spoken(tag, message)]
  })
  return Object.fromEntries(entries) as object
}

function formatted(tag: string, message: Message): (values: Values) => string {
  let format: IntlMessageFormat | undefined
  return (values) => (format ??= new IntlMessageFormat(message, tag)).format(values) as string
}
