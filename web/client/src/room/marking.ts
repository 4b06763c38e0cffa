/** Where a search is found in a text, whatever its marks and case; the text itself stays as it is. */
import { plain } from '../core/languages'

export function marked(text: string, query: string): { text: string; hit: boolean }[] {
  const wanted = plain(query.trim())
  if (wanted === '') return [{ text, hit: false }]
  const letters = Array.from(text)
  const owner: number[] = []
  let flat = ''
  letters.forEach((letter, at) => {
    const simple = plain(letter)
    flat += simple
    for (let unit = 0; unit < simple.length; unit += 1) owner.push(at)
  })
  const parts: { text: string; hit: boolean }[] = []
  const add = (from: number, to: number, hit: boolean) => {
    if (to > from) parts.push({ text: letters.slice(from, to).join(''), hit })
  }
  let done = 0
  for (let found = flat.indexOf(wanted); found >= 0; found = flat.indexOf(wanted, found + wanted.length)) {
    const from = owner[found]!
    const to = owner[found + wanted.length - 1]! + 1
    add(done, from, false)
    add(Math.max(done, from), to, true)
    done = to
  }
  add(done, letters.length, false)
  return parts
}
