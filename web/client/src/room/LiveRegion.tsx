/** Captions for ears: each settled one is said once by a screen reader, politely. */
import { useEffect, useState } from 'react'
import { useInside, useStatus } from '../react/session'
import { usePage } from '../react/page'
import { useNames } from './names'

const KEPT = 4

export function LiveRegion() {
  const { session } = useInside()
  const { wishes } = useStatus()
  const { look } = usePage()
  const nameOf = useNames()
  const [lines, setLines] = useState<readonly { id: string; text: string; lang: string }[]>([])
  const { reads } = wishes
  useEffect(() => {
    return session.onCaption((frame) => {
      if (!frame.final || frame.lang !== reads) return
      const line = { id: frame.id, text: `${nameOf(frame.identity, frame.speaker)}: ${frame.text}`, lang: frame.lang }
      setLines((before) => (before.some((one) => one.id === line.id) ? before : [...before, line].slice(-KEPT)))
    })
  }, [session, reads, nameOf])
  return (
    <div className="visually-hidden" aria-live="polite" aria-relevant="additions" data-testid="live-region">
      {look.captions &&
        lines.map((line) => (
          <p key={line.id} lang={line.lang}>
            {line.text}
          </p>
        ))}
    </div>
  )
}
