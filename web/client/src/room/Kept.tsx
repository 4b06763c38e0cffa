/** What is kept of this meeting, in one sentence, and what that means. */
import { Lock } from 'lucide-react'
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import type { RoomInfo } from '../core/api'
import type { Words } from '../i18n'
import { useWords } from '../react/page'

export function keptSentence(words: Words, keeps: RoomInfo['keeps']): string {
  if (keeps.policy === 'nothing') return words.kept.nothing
  return keeps.days ? words.kept.days(keeps.days) : words.kept.policy(keeps.policy)
}

export function Kept({ keeps }: { keeps: RoomInfo['keeps'] }) {
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
              <p>{keeps.policy === 'nothing' ? words.kept.moreNothing : words.kept.moreKept}</p>
            </Dialog>
          </Popover>
        </DialogTrigger>
      </span>
    </p>
  )
}
