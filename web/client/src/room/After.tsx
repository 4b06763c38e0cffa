/** A sentence and the one thing to do next: after leaving, or when there is no way in. */
import { usePage } from '../react/page'
import { go } from '../route'

/** Without `again` where trying again cannot help. */
export function After({ text, again, onAgain }: { text: string; again?: string; onAgain?: () => void }) {
  const { words } = usePage()
  return (
    <main className="wait" data-testid="after">
      <p role="alert">{text}</p>
      <div className="row">
        {again && (
          <button type="button" className="button primary" onClick={onAgain}>
            {again}
          </button>
        )}
        <button type="button" className="button" onClick={() => go('/')}>
          {words.left.home}
        </button>
      </div>
    </main>
  )
}
