/** A room from its door to its end: what is known of it, joining, being inside, having left. */
import { isBrowserSupported, ConnectionError, ConnectionErrorReason, type LocalTrack } from 'livekit-client'
import { useEffect, useRef, useState } from 'react'
import '../styles/prejoin.css'
import '../styles/room.css'
import '../styles/captions.css'
import '../styles/transcript.css'
import { ApiError, type RoomInfo } from '../core/api'
import { memory, resolve, suggest, type Choices, type Wishes } from '../core/choices'
import { Colours } from '../core/colours'
import { guestWishes, talkFor } from '../core/guest'
import { Session, type Ending } from '../core/session'
import { Talk } from '../core/talk'
import { isTrial } from '../core/trial'
import { sentence } from '../i18n'
import { usePage, useTheme, useTitle } from '../react/page'
import type { Inside } from '../react/session'
import { After } from './After'
import { Prejoin } from './Prejoin'
import { RoomView } from './RoomView'

type Stage =
  | { is: 'loading' }
  | { is: 'refused'; code: string }
  | { is: 'before'; info: RoomInfo; problem: string | null; joining: boolean }
  | { is: 'inside'; inside: Inside; choices: Choices }
  | { is: 'after'; ending: Ending }

export function RoomPage({ room, secret, talk }: { room: string; secret: string; talk: string | null }) {
  const { api, words, look, browser } = usePage()
  const [stage, setStage] = useState<Stage>({ is: 'loading' })
  const [round, setRound] = useState(0)
  const open = useRef<Inside | null>(null)
  const tried = useRef(false)
  useTheme(stage.is === 'inside')
  useTitle(titleOf(stage))

  const enter = async (
    info: RoomInfo,
    name: string,
    wishes: Wishes,
    tracks: LocalTrack[],
    choices: Choices,
    speaker: Talk | null,
  ) => {
    setStage({ is: 'before', info, problem: null, joining: true })
    const session = new Session(() => api.interpreter(room))
    session.audio.unlock()
    session.audio.lower(look.under)
    try {
      if (!isBrowserSupported()) throw new ApiError('unsupported')
      const { speaks, reads, hears } = wishes
      const joined = await api.join(room, { name, speaks, reads, hears, ...(secret ? { secret } : {}) })
      await session.connect(joined.server, joined.token, wishes, joined.interpreter)
      await Promise.all(tracks.map((track) => session.room.localParticipant.publishTrack(track)))
      const inside: Inside = { session, info, colours: new Colours(), talk: speaker }
      open.current = inside
      expose(session)
      setStage({ is: 'inside', inside, choices })
      void speaker?.start(api, room, words.talk.name, readiness(session), secret || undefined)
    } catch (error) {
      for (const track of tracks) track.stop()
      await speaker?.close()
      await session.close().catch(() => undefined)
      setStage({ is: 'before', info, problem: sentence(words, codeOf(error)), joining: false })
    }
  }

  const listen = async (info: RoomInfo) => {
    const file = await api.talks().then(
      (talks) => talkFor(talks, talk),
      () => null,
    )
    if (file === null) {
      setStage({ is: 'before', info, problem: words.talk.failed, joining: false })
      return
    }
    const wishes = guestWishes(file, info.languages, browser)
    const own = suggest(memory.choices.load(), info.languages, browser)
    const choices = { ...own, speaks: 'auto', reads: wishes.reads || 'off', hears: wishes.hears || 'original' }
    await enter(info, words.talk.guest, wishes, [], choices, new Talk(file))
  }

  useEffect(() => {
    let gone = false
    api.room(room).then(
      (info) => {
        if (gone) return
        setStage({ is: 'before', info, problem: null, joining: false })
        if (talk !== null && isTrial(room) && !lacksSecret(info, secret) && !tried.current) {
          tried.current = true
          void listen(info)
        }
      },
      (error: unknown) => (gone ? undefined : setStage({ is: 'refused', code: codeOf(error) })),
    )
    return () => {
      gone = true
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- asked once for each room and each new try
  }, [api, room, round])

  useEffect(
    () => () => {
      void open.current?.session.close()
      void open.current?.talk?.close()
    },
    [],
  )

  const leave = (ending: Ending) => {
    void open.current?.talk?.close()
    open.current?.session.audio.close()
    open.current = null
    setStage({ is: 'after', ending })
  }

  switch (stage.is) {
    case 'loading':
      return <main className="wait">{words.loading}</main>
    case 'refused':
      return <After text={sentence(words, stage.code)} again={words.retry} onAgain={() => setRound(round + 1)} />
    case 'before':
      if (lacksSecret(stage.info, secret)) return <After text={words.errors.secret_missing} />
      return (
        <Prejoin
          info={stage.info}
          problem={stage.problem}
          joining={stage.joining}
          onJoin={(choices, tracks) =>
            void enter(
              stage.info,
              choices.name.trim(),
              resolve(choices, look, browser[0] ?? 'en'),
              tracks,
              choices,
              null,
            )
          }
        />
      )
    case 'inside':
      return <RoomView inside={stage.inside} first={stage.choices} onEnd={leave} />
    case 'after':
      return <After text={words.left[stage.ending]} again={words.left.again} onAgain={() => setRound(round + 1)} />
  }
}

/** Nobody should give a name and a microphone to a door that cannot open. */
const lacksSecret = (info: RoomInfo, secret: string) => info.secret_needed && secret === ''

function titleOf(stage: Stage): string | null {
  if (stage.is === 'before') return stage.info.title
  return stage.is === 'inside' ? stage.inside.info.title : null
}

const LISTENING = new Set(['listening', 'degraded', 'slower', 'merging', 'captions_only', 'skipping'])

function readiness(session: Session) {
  return {
    get: () => LISTENING.has(session.status.get().interpreter?.state ?? ''),
    subscribe: session.status.subscribe,
  }
}

function codeOf(error: unknown): string {
  if (error instanceof ApiError) return error.code
  if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) return 'token_refused'
  return 'connect_failed'
}

/** Counts for tests and the curious; nothing that was said. */
function expose(session: Session): void {
  Object.assign(window, {
    __dragoman: {
      counts: session.verifier.counts,
      room: session.room,
      voice: session.voice,
      volumes: () => session.audio.volumes(),
    },
  })
}
