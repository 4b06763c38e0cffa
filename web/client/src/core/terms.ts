/** A host's names and terms, as they are typed: one a line, `Sintra`, or `board = es: junta, fr: conseil`. */

/** A term without translations is a name, and stays as it is in every language. */
export interface Term {
  term: string
  translations?: Record<string, string>
}

/** The terms of a text; null where a line is neither a name nor a term with its languages. */
export function termsOf(text: string): Term[] | null {
  const lines = text.split('\n').map((line) => line.trim())
  const terms = lines.filter((line) => line !== '').map(termOf)
  return terms.every((term) => term !== null) ? terms : null
}

function termOf(line: string): Term | null {
  const [term = '', ...rest] = line.split('=').map((part) => part.trim())
  if (rest.length === 0) return { term }
  const pairs = rest
    .join('=')
    .split(',')
    .map((pair) => /^\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)\s*:\s*(\S.*?)\s*$/.exec(pair))
  if (term === '' || pairs.some((pair) => pair === null)) return null
  return { term, translations: Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!])) }
}
