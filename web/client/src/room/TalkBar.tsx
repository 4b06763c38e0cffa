/** The recorded talk: what it is doing, stop and again, and where it comes from. */
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
      {is === 'playing' && (
        <button type="button" className="button" onClick={() => talk.stop()} data-testid="talk-stop">
          <Square aria-hidden size={16} /> {words.talk.stop}
        </button>
      )}
      {(is === 'ended' || is === 'stopped') && (
        <button type="button" className="button" onClick={() => talk.play()} data-testid="talk-replay">
          <Play aria-hidden size={16} /> {words.talk.replay}
        </button>
      )}
    </div>
  )
}
