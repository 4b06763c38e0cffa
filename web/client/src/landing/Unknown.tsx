/** What stands at an address that is none: a sentence, and the way to the first page. */
import { useTheme, useTitle, useWords } from '../react/page'
import { go } from '../route'

export function Unknown() {
  const words = useWords()
  useTheme(false)
  useTitle(words.unknown.title)
  return (
    <main className="wait" data-testid="unknown">
      <h1>{words.unknown.title}</h1>
      <p>{words.unknown.text}</p>
      <button type="button" className="button primary" onClick={() => go('/')}>
        {words.left.home}
      </button>
    </main>
  )
}
