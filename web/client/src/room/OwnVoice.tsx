/** Lending one's voice to the voices that translate one; offered where an engine can use it. */
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'

export function OwnVoice() {
  const { settings } = usePage().words
  const { session } = useInside()
  const { interpreter, lent } = useStatus()
  if (!lent && (interpreter?.alike ?? []).length === 0) return null
  return (
    <section>
      <h3>{settings.voice}</h3>
      <label className="check">
        <input
          type="checkbox"
          checked={lent}
          onChange={(event) => void session.lend(event.target.checked)}
          aria-describedby="lend-text"
          data-testid="lend"
        />
        {settings.lend}
      </label>
      <p id="lend-text">{settings.lendText}</p>
    </section>
  )
}
