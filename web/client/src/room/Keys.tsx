/** The keys that work in the room. */
import { useWords } from '../react/page'
import { Window } from './Window'

export function Keys({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { keys } = useWords()
  const list = [
    ['M', keys.mute],
    ['C', keys.captions],
    ['L', keys.language],
    ['T', keys.transcript],
    ['?', keys.help],
  ]
  return (
    <Window title={keys.title} isOpen={isOpen} onClose={onClose}>
      <dl className="keys" data-testid="keys">
        {list.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Window>
  )
}
