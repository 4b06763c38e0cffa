/** A device that failed in the room: which one, why, and what to do; it stays until it is read or tried again. */
import { X } from 'lucide-react'
import { useWords } from '../react/page'
import type { Problem } from './media'

export function Trouble({ problem, onClose }: { problem: Problem; onClose: () => void }) {
  const words = useWords()
  const { device, why } = problem
  const name = device === 'screen' ? words.room.share : words.prejoin[device]
  return (
    <div className="toast problem-toast" role="alert" data-testid="trouble" data-why={why}>
      <p>
        <strong>{name}:</strong> {words.inside.device[why]}
      </p>
      <button type="button" className="tool" aria-label={words.close} onClick={onClose}>
        <X aria-hidden size={18} />
      </button>
    </div>
  )
}
