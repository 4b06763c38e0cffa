/** The room at work: people, captions, transcript, controls, and the one state line. */
import { RoomContext } from '@livekit/components-react'
import { useEffect, useMemo, useState } from 'react'
import { memory, resolve, untangle, type Choices } from '../core/choices'
import type { Ending } from '../core/session'
import { useKeys } from '../react/keys'
import { NARROW, useMatch } from '../react/media'
import { usePage } from '../react/page'
import { InsideContext, type Inside } from '../react/session'
import { useStore } from '../react/store'
import { Captions } from './Captions'
import { Controls } from './Controls'
import { Grid } from './Grid'
import { KeptBadge } from './Kept'
import { Keys } from './Keys'
import { LiveRegion } from './LiveRegion'
import { Settings } from './Settings'
import { StateLine } from './StateLine'
import { Suggestion } from './Suggestion'
import { TalkBar } from './TalkBar'
import { Transcript } from './Transcript'
import { Trouble } from './Trouble'
import { Unlock } from './Unlock'
import { useMedia } from './media'

export function RoomView({
  inside,
  first,
  onEnd,
}: {
  inside: Inside
  first: Choices
  onEnd: (ending: Ending) => void
}) {
  const { session, info, talk } = inside
  const { look, setLook, browser } = usePage()
  const status = useStore(session.status)
  const [choices, setChoices] = useState(first)
  const [panel, setPanel] = useState(false)
  const [dialog, setDialog] = useState<'settings' | 'keys' | null>(null)
  const [picking, setPicking] = useState(false)
  const media = useMedia(session.room, choices)
  const own = browser[0] ?? 'en'
  // On a narrow screen the transcript covers everything else.
  const covered = useMatch(NARROW) && panel

  const change = (part: Partial<Choices>) => {
    const after = untangle(choices, { ...choices, ...part }, own)
    setChoices(after)
    if (talk === null) memory.choices.save(after)
    session.audio.unlock()
    void session.choose(resolve(after, look, own))
  }

  useEffect(() => {
    session.audio.lower(look.under)
  }, [session, look.under])
  useEffect(() => {
    const wishes = session.status.get().wishes
    const also = look.also === wishes.reads ? '' : look.also
    if (also !== wishes.also) void session.choose({ ...wishes, also })
  }, [session, look.also])
  useEffect(() => {
    if (status.ending !== null) onEnd(status.ending)
  }, [status.ending, onEnd])
  useKeys(
    {
      m: media.toggleMicrophone,
      c: () => setLook({ captions: !look.captions }),
      l: () => setPicking(true),
      t: () => setPanel(!panel),
      '?': () => setDialog(dialog === 'keys' ? null : 'keys'),
    },
    look.shortcuts,
  )

  const value = useMemo(() => inside, [inside])
  return (
    <InsideContext value={value}>
      <RoomContext value={session.room}>
        <div className="room" data-panel={panel} data-testid="room">
          <header className="room-top" inert={covered}>
            <h1>{info.title}</h1>
            <StateLine />
            <KeptBadge />
          </header>
          <main className="room-stage" tabIndex={-1} inert={covered}>
            <Suggestion onSwitch={(speaks) => change({ speaks })} />
            {status.silenced && <Unlock />}
            {talk && <TalkBar talk={talk} />}
            <Grid />
            {look.captions && status.wishes.reads !== '' && (
              <Captions
                key={`${status.wishes.reads} ${status.wishes.also}`}
                reads={status.wishes.reads}
                also={status.wishes.also}
              />
            )}
          </main>
          {panel && <Transcript covers={covered} onClose={() => setPanel(false)} />}
          <Controls
            choices={choices}
            onChange={change}
            media={media}
            panel={panel}
            onPanel={() => setPanel(!panel)}
            onDialog={setDialog}
            picking={picking}
            onPicking={setPicking}
            onLeave={() => void session.close()}
            covered={covered}
          />
        </div>
        <LiveRegion />
        <Settings isOpen={dialog === 'settings'} onClose={() => setDialog(null)} choices={choices} onChange={change} />
        <Keys isOpen={dialog === 'keys'} onClose={() => setDialog(null)} />
        {media.problem && <Trouble problem={media.problem} onClose={media.dismiss} />}
      </RoomContext>
    </InsideContext>
  )
}
