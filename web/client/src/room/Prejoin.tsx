/** The card before joining: who one is, what one speaks, reads and hears, and what is kept. */
import { useEffect, useState, type SyntheticEvent } from 'react'
import type { LocalTrack } from 'livekit-client'
import { NAME_LIMIT, type RoomInfo } from '../core/api'
import { memory, resolve, suggest, untangle, type Choices } from '../core/choices'
import { isGranted, useCamera, useMicrophone } from '../react/devices'
import { usePage } from '../react/page'
import { useTrial } from '../react/trial'
import { Kept } from './Kept'
import { LanguagePicker } from './LanguagePicker'
import { Preview } from './Preview'
import { hearSpecials, readSpecials, speakSpecials } from './specials'

interface Props {
  info: RoomInfo
  problem: string | null
  joining: boolean
  onJoin: (choices: Choices, tracks: LocalTrack[]) => void
}

export function Prejoin({ info, problem, joining, onJoin }: Props) {
  const { words, look, browser } = usePage()
  const [choices, setChoices] = useState(() => suggest(memory.choices.load(), info.languages, browser))
  const wishes = resolve(choices, look, browser[0] ?? 'en')
  const microphone = useMicrophone(choices.cleaned)
  const camera = useCamera()
  const change = (part: Partial<Choices>) => {
    const after = untangle(choices, { ...choices, ...part }, browser[0] ?? 'en')
    memory.choices.save(after)
    setChoices(after)
  }
  useGranted(microphone.start, choices.microphone)

  const join = (event: SyntheticEvent) => {
    event.preventDefault()
    if (joining) return
    const tracks = [microphone.release(), camera.release()].filter((track) => track !== null)
    onJoin(choices, tracks)
  }
  return (
    <main className="prejoin">
      <header>
        <h1>{info.title}</h1>
        <p className="quiet">
          {info.limit
            ? words.prejoin.peopleOf({ count: info.people, limit: info.limit })
            : words.prejoin.people({ count: info.people })}
        </p>
      </header>
      <form className="card two" onSubmit={join} data-testid="prejoin">
        <div>
          <Preview
            name={choices.name}
            microphone={microphone}
            camera={camera}
            onMicrophone={(deviceId) => {
              change({ microphone: deviceId })
              void microphone.start(deviceId)
            }}
            onCamera={(deviceId) => {
              change({ camera: deviceId })
              void camera.start(deviceId)
            }}
          />
          <Kept keeps={info.keeps} />
        </div>
        <div className="prejoin-form">
          <label className="field">
            <span>{words.prejoin.name}</span>
            <input
              name="name"
              required
              maxLength={NAME_LIMIT}
              autoComplete="name"
              value={choices.name}
              onChange={(event) => change({ name: event.target.value })}
              data-testid="name"
            />
          </label>
          <LanguagePicker
            label={words.prejoin.speak}
            stage="speak"
            value={choices.speaks}
            onChange={(speaks) => change({ speaks })}
            languages={info.languages}
            specials={speakSpecials(words)}
            testid="speak"
          />
          <LanguagePicker
            label={words.prejoin.read}
            stage="read"
            value={choices.reads}
            onChange={(reads) => change({ reads })}
            languages={info.languages}
            specials={readSpecials(words)}
            same={wishes.reads}
            testid="read"
          />
          <LanguagePicker
            label={words.prejoin.hear}
            stage="hear"
            value={choices.hears}
            onChange={(hears) => change({ hears })}
            languages={info.languages}
            specials={hearSpecials(words)}
            same={wishes.hears}
            testid="hear"
          />
          {problem && (
            <p className="problem" role="alert" data-testid="problem">
              {problem}
            </p>
          )}
          <button
            type="submit"
            className="button primary wide"
            disabled={choices.name.trim() === ''}
            aria-disabled={joining}
            data-testid="join"
          >
            {joining
              ? words.prejoin.joining
              : microphone.track || camera.track
                ? words.prejoin.join
                : words.prejoin.joinListening}
          </button>
          {!microphone.track && <p className="quiet">{words.prejoin.listenNote}</p>}
        </div>
      </form>
      <OrTry joining={joining} />
    </main>
  )
}

/** The recorded talk, in a room of one's own and never in this one; where it isn't offered, nothing is said of it. */
function OrTry({ joining }: { joining: boolean }) {
  const { words } = usePage()
  const { offered, starting, problem, start } = useTrial()
  if (offered !== true) return null
  return (
    <div className="or-try">
      <span>{words.prejoin.orTry}</span>
      <button
        type="button"
        className="button"
        onClick={start}
        disabled={joining}
        aria-busy={starting}
        data-testid="try"
      >
        {words.prejoin.tryTalk}
      </button>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}

/** Who allowed the microphone before finds it on; nobody is asked before they touch anything. */
function useGranted(start: (deviceId?: string) => Promise<void>, deviceId: string) {
  const [first] = useState(() => ({ start, deviceId }))
  useEffect(() => {
    let gone = false
    void isGranted('microphone').then((granted) => {
      if (granted && !gone) void first.start(first.deviceId || undefined)
    })
    return () => {
      gone = true
    }
  }, [first])
}
