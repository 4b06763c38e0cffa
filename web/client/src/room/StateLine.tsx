/** The state line: one short phrase, always there, coloured and worded; the details are one tap away. */
import { useRemoteParticipants } from '@livekit/components-react'
import { RoomEvent } from 'livekit-client'
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import { named, nameOf, nameWithin, unreached } from '../core/languages'
import { phaseOf, toneOf, type Phase } from '../core/phase'
import type { Words } from '../i18n'
import { seconds } from '../react/figures'
import { useWords } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { useNow, useStore } from '../react/store'
import { useCalling } from './calling'
import { Details } from './Details'

/** Behind by less than this many seconds is not worth a word. */
const WORTH = 1
/** Behind by more than this is worth a colour. */
const LATE = 4
const SKIP_SHOWN = 8_000

function phrase(words: Words, phase: Phase): string {
  switch (phase.is) {
    case 'no_voice':
    case 'no_captions':
    case 'too_many_languages':
      return words.state[phase.is]({ language: nameWithin(phase.tag, words.tag) })
    case 'untranslated':
      return words.state.untranslated({ from: nameOf(phase.from, words.tag), ...named(phase.tag, words.tag) })
    default:
      return words.state[phase.is]
  }
}

export function StateLine() {
  const words = useWords()
  const status = useStatus()
  const { session, info } = useInside()
  // Somebody may come after the interpreter said what they speak: both are followed.
  const others = useRemoteParticipants({ room: session.room, updateOnlyOn: [RoomEvent.ParticipantAttributesChanged] })
  const spoken = others.map(({ identity }) => session.spokenBy(identity)).filter((tag) => tag !== undefined)
  const called = useCalling(info.room, status.connection === 'connected' && status.interpreter === null)
  const phase = phaseOf({
    ...status,
    called,
    refused: status.served?.refused ?? {},
    unreached: unreached(info.languages, status.wishes.reads, spoken),
  })
  const tags = phase.is === 'interpreting' ? phase.languages : []
  return (
    <div className="state" data-tone={toneOf(phase)} data-testid="state" data-state={phase.is}>
      <DialogTrigger>
        <Button className="state-button">
          <span className="state-dot" aria-hidden />
          <span>{phrase(words, phase)}</span> {tags.length > 0 && <span className="state-tags">{tags.join(' ')}</span>}
          <span className="visually-hidden"> {words.state.details}</span>
        </Button>
        <Popover className="popover pad details" placement="bottom end">
          <Dialog aria-label={words.details.title}>
            <Details />
          </Dialog>
        </Popover>
      </DialogTrigger>
      <Lag />
      <span className="visually-hidden" role="status">
        {phrase(words, phase)}
      </span>
    </div>
  )
}

/** How late the voice is, said in this one place; the place is kept, so that nothing moves when it is said. */
function Lag() {
  const words = useWords()
  const { session } = useInside()
  const voice = useStore(session.voice)
  const now = useNow(1_000)
  const skipped = voice.skipped !== null && now - voice.skipped < SKIP_SHOWN
  const behind =
    voice.sounding && voice.behind >= WORTH ? words.state.behind({ seconds: seconds(words, voice.behind) }) : null
  const said = skipped ? words.state.skipped : behind
  return (
    <span className="state-lag" data-late={!skipped && voice.behind > LATE}>
      {[words.state.behind({ seconds: '88' }), words.state.skipped].map((longest) => (
        <span key={longest} className="state-lag-place" aria-hidden>
          {longest}
        </span>
      ))}
      {said !== null && <span data-testid={skipped ? 'skipped' : 'behind'}>{said}</span>}
    </span>
  )
}
