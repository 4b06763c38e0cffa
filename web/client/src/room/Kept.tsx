/** What is kept of this meeting, in a sentence before joining and on a badge during it, and what that means. */
import { Lock, TriangleAlert } from 'lucide-react'
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import type { Keeps, Lasts } from '../core/api'
import { longest, partsOf } from '../core/keeps'
import type { Words } from '../i18n'
import { useKept } from '../react/kept'
import { useWords } from '../react/page'
import { useStatus } from '../react/session'

/** Every part with how long it stays; then whether personal data is masked where no part has said so. */
export function keptSentence(words: Words, keeps: Keeps): string {
  const parts = partsOf(keeps)
  if (parts.length === 0)
    return keeps.policy === 'nothing' ? words.kept.nothing : words.kept.policy({ name: keeps.policy })
  const sentences = parts.map(({ kind, lasts }) => words.kept.says[kind]({ time: timeOf(words, lasts) }))
  const masked = keeps.redaction === 'mask' && !parts.some(({ kind }) => kind === 'redacted')
  return [...sentences, ...(masked ? [words.kept.masked] : [])].join(' ')
}

export function keptShortly(words: Words, keeps: Keeps): string {
  const part = longest(partsOf(keeps))
  if (part === null)
    return keeps.policy === 'nothing' ? words.kept.nothingShort : words.kept.policy({ name: keeps.policy })
  return words.kept.short({ time: timeOf(words, part.lasts) })
}

export function Kept({ keeps }: { keeps: Keeps }) {
  const words = useWords()
  return (
    <p className="kept" data-testid="kept">
      <Lock aria-hidden size={16} />
      <span>
        {keptSentence(words, keeps)}{' '}
        <DialogTrigger>
          <Button className="link">{words.kept.what}</Button>
          <Popover className="popover pad narrow">
            <Dialog aria-label={words.kept.what}>
              <More keeps={keeps} />
            </Dialog>
          </Popover>
        </DialogTrigger>
      </span>
    </p>
  )
}

/** Always there during the meeting; it says what the interpreter says that it does. */
export function KeptBadge() {
  const words = useWords()
  const keeps = useKept()
  const { interpreter } = useStatus()
  const gaps = interpreter?.keeping === 'failing' || interpreter?.keeping === 'away'
  const said = gaps ? `${keptSentence(words, keeps)} ${words.kept.gaps}` : keptSentence(words, keeps)
  return (
    <DialogTrigger>
      <Button className="state-button kept-badge" aria-label={said} data-testid="kept-badge" data-policy={keeps.policy}>
        {gaps ? <TriangleAlert aria-hidden size={15} /> : <Lock aria-hidden size={15} />}
        <span aria-hidden>{keptShortly(words, keeps)}</span>
      </Button>
      <Popover className="popover pad narrow" placement="bottom end">
        <Dialog aria-label={words.details.kept}>
          <p>{said}</p>
          <More keeps={keeps} />
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

function More({ keeps }: { keeps: Keeps }) {
  const words = useWords()
  return <p>{keeps.policy === 'nothing' ? words.kept.moreNothing : words.kept.moreKept}</p>
}

function timeOf(words: Words, { days, since }: Lasts): string {
  if (days === null) return words.kept.forever
  return since === 'end' ? words.kept.afterEnd({ days }) : words.kept.days({ days })
}
