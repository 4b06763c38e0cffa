/** The keys that work in the room, and the switch that turns them off. */
import { usePage } from '../react/page'
import { Shortcuts } from './Shortcuts'
import { Window } from './Window'

export function Keys({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { words, look } = usePage()
  const { keys, inside } = words
  const list = [
    ['M', keys.mute],
    ['C', keys.captions],
    ['L', keys.language],
    ['T', keys.transcript],
    ['?', keys.help],
  ]
  return (
    <Window title={keys.title} isOpen={isOpen} onClose={onClose}>
      <div className="keys-switch">
        <Shortcuts />
        {!look.shortcuts && <p className="quiet">{inside.shortcutsOff}</p>}
      </div>
      <dl className="keys" data-testid="keys" data-on={look.shortcuts}>
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
