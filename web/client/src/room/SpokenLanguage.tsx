/** The language a person speaks, as they say or as it was found out; a wrong guess is corrected by a click. */
import { useParticipantAttributes } from '@livekit/components-react'
import type { Participant } from 'livekit-client'
import { useState } from 'react'
import { Button, Dialog, DialogTrigger, Heading, Popover } from 'react-aria-components'
import { nameOf, nameWithin, options } from '../core/languages'
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'

export function SpokenLanguage({ participant, name }: { participant: Participant; name: string }) {
  const { words, browser } = usePage()
  const { session, info } = useInside()
  const { interpreter } = useStatus()
  const { attributes } = useParticipantAttributes({ participant })
  const [said, setSaid] = useState<string | null>(null)
  const own = attributes?.['dragoman.speaks'] ?? ''
  if (own !== '' && own !== 'auto') return <span className="chip">{nameOf(own, words.tag)}</span>
  const found = interpreter?.detected[participant.identity]
  if (!found) return null
  const choices = options(info.languages, 'speak', browser, words.tag).filter((one) => one.grade !== null)
  const correct = async (language: string, close: () => void) => {
    close()
    const taken = await session.correct(participant.identity, language)
    setSaid(taken ? words.room.corrected(name, nameWithin(language, words.tag)) : words.room.notCorrected)
  }
  return (
    <>
      <DialogTrigger>
        <Button className="chip" aria-label={words.room.foundOut(nameOf(found, words.tag))} data-testid="detected">
          {nameOf(found, words.tag)} ?
        </Button>
        <Popover className="popover pad narrow">
          <Dialog>
            {({ close }) => (
              <>
                <Heading slot="title">{words.room.correct(name)}</Heading>
                <ul className="plain-list">
                  {choices.map((one) => (
                    <li key={one.tag}>
                      <Button className="plain-item" data-tag={one.tag} onPress={() => void correct(one.tag, close)}>
                        {one.name}
                        {one.local !== one.name && <span className="quiet"> {one.local}</span>}
                      </Button>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </Dialog>
        </Popover>
      </DialogTrigger>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </>
  )
}
