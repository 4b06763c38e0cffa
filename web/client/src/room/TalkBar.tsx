/** The recorded talk: what it is doing, where it comes from, stop and again. */
import { Play, Square } from 'lucide-react'
import type { Talk } from '../core/talk'
import { useWords } from '../react/page'
import { useStore } from '../react/store'

export function TalkBar({ talk }: { talk: Talk }) {
  const words = useWords()
  const { is } = useStore(talk.state)
  return (
    <div className="talk" data-testid="talk" data-state={is}>
      <p role="status">
        <strong>{talk.file.title}</strong> · {words.talk[is]}
      </p>
      <p className="quiet">
        {words.talk.source}: {talk.file.attribution} ({talk.file.licence})
      </p>
    </div>
  )
}

/** Stop and again, on the talk's own tile. */
export function TalkButton({ talk }: { talk: Talk }) {
  const words = useWords()
  const { is } = useStore(talk.state)
  if (is === 'playing') {
    return (
      <button type="button" className="button talk-button" onClick={() => talk.stop()} data-testid="talk-stop">
        <Square aria-hidden size={16} /> {words.talk.stop}
      </button>
    )
  }
  if (is !== 'ended' && is !== 'stopped') return null
  return (
    <button type="button" className="button talk-button" onClick={() => talk.play()} data-testid="talk-replay">
      <Play aria-hidden size={16} /> {words.talk.replay}
    </button>
  )
}
