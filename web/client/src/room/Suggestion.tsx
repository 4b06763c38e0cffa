/** Somebody was heard in another language than they said, or others think so: they are asked, once a language. */
import { useState } from 'react'
import { nameWithin, sameLanguage } from '../core/languages'
import { useWords } from '../react/page'
import { useInside, useStatus } from '../react/session'

export function Suggestion({ onSwitch }: { onSwitch: (tag: string) => void }) {
  const words = useWords()
  const { session } = useInside()
  const { interpreter, wishes } = useStatus()
  /** What was answered once is not asked again in this meeting; there are no more than there are languages. */
  const [answered, setAnswered] = useState<readonly string[]>([])
  const tag = interpreter?.suggested[session.room.localParticipant.identity]
  if (tag === undefined || tag === '' || sameLanguage(tag, wishes.speaks) || answered.includes(tag)) return null
  const answer = (yes: boolean) => {
    setAnswered([...answered, tag])
    if (yes) onSwitch(tag)
  }
  return (
    <div className="suggestion" role="status" data-testid="suggestion" data-tag={tag}>
      <p>{words.inside.soundsLike({ language: nameWithin(tag, words.tag) })}</p>
      <button type="button" className="button primary" onClick={() => answer(true)} data-testid="suggestion-yes">
        {words.inside.switch}
      </button>
      <button type="button" className="button" onClick={() => answer(false)} data-testid="suggestion-no">
        {words.inside.no}
      </button>
    </div>
  )
}
