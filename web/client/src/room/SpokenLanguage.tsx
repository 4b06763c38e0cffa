/** The language a person speaks, as they say or as it was found out; what is wrong can be said by a click. */
import { useParticipantAttributes } from '@livekit/components-react'
import type { Participant } from 'livekit-client'
import { useEffect, useState } from 'react'
import { Button, Dialog, DialogTrigger, Heading, Popover } from 'react-aria-components'
import { nameOf, nameWithin, options } from '../core/languages'
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'

/** How long the answer to a suggestion stands. */
const SHOWN = 6_000

export function SpokenLanguage({ participant, name }: { participant: Participant; name: string }) {
  const { words, browser } = usePage()
  const { session, info } = useInside()
  const { interpreter } = useStatus()
  const [said, setSaid] = useState<string | null>(null)
  useEffect(() => {
    if (said === null) return
    const timer = setTimeout(() => setSaid(null), SHOWN)
    return () => clearTimeout(timer)
  }, [said])
  const { attributes } = useParticipantAttributes({ participant })
  const own = interpreter?.spoken[participant.identity] ?? attributes?.['dragoman.speaks'] ?? ''
  const found = own === '' || own === 'auto'
  const tag = found ? interpreter?.detected[participant.identity] : own
  if (!tag) return null
  const shown = nameOf(tag, words.tag)
  // One's own language is chosen among the controls.
  const chip = <ChipText tag={tag} name={found ? `${shown} ?` : shown} />
  if (participant.isLocal && !found) return <span className="chip">{chip}</span>
  const choices = options(info.languages, 'speak', browser, words.tag).filter((one) => one.grade !== null)
  const correct = async (language: string, close: () => void) => {
    close()
    const within = nameWithin(language, words.tag)
    const taken = await session.correct(participant.identity, language)
    const sentences = {
      changed: words.room.corrected({ name, language: within }),
      suggested: words.inside.suggested({ name, language: within }),
      refused: words.room.notCorrected,
    }
    setSaid(sentences[taken])
  }
  return (
    <>
      <DialogTrigger>
        <Button
          className="chip"
          aria-label={found ? words.room.foundOut({ language: shown }) : words.inside.spoken({ language: shown })}
          data-testid="detected"
        >
          {chip}
        </Button>
        <Popover className="popover pad narrow">
          <Dialog>
            {({ close }) => (
              <>
                <Heading slot="title">
                  {participant.isLocal ? words.room.correct({ name }) : words.inside.suggest({ name })}
                </Heading>
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
      <span className={said === null ? 'visually-hidden' : 'toast'} role="status" data-testid="said">
        {said}
      </span>
    </>
  )
}

/** A language's name, or in a small picture its tag; the style shows one of them. */
function ChipText({ tag, name }: { tag: string; name: string }) {
  return (
    <>
      <span className="chip-name">{name}</span>
      <span className="chip-tag">{tag.toUpperCase()}</span>
    </>
  )
}
