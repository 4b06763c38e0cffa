/** What stands there when a part of the page fails: a sentence and a way on, not an empty window. */
import { Component, type ReactNode } from 'react'
import { useWords } from '../react/page'

export class Broken extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true }
  }

  override render(): ReactNode {
    return this.state.broken ? <Sorry /> : this.props.children
  }
}

function Sorry() {
  const words = useWords()
  return (
    <main className="wait" role="alert">
      <p>{words.errors.page_broken}</p>
      <button type="button" className="button primary" onClick={() => location.reload()}>
        {words.retry}
      </button>
    </main>
  )
}
