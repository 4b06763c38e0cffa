/** The click that browsers want before they let anything sound. */
import { Volume2 } from 'lucide-react'
import { useWords } from '../react/page'
import { useInside } from '../react/session'

export function Unlock() {
  const words = useWords()
  const { session } = useInside()
  return (
    <button type="button" className="button primary unlock" onClick={() => session.audio.unlock()} data-testid="unlock">
      <Volume2 aria-hidden size={18} /> {words.room.sound}
    </button>
  )
}
