/** Whether single keys do things: who speaks to their computer, or rests a hand on the keyboard, may not want them. */
import { usePage } from '../react/page'

export function Shortcuts() {
  const { words, look, setLook } = usePage()
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={look.shortcuts}
        onChange={(event) => setLook({ shortcuts: event.target.checked })}
        data-testid="shortcuts"
      />
      {words.inside.shortcuts}
    </label>
  )
}
