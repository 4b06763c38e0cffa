import { RoomContext } from '@livekit/components-react'
import { RemoteParticipant } from 'livekit-client'
import { act, cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ReactNode } from 'react'
import { memory, type Look } from '../../src/core/choices'
import { Colours } from '../../src/core/colours'
import { onCue, silent } from '../../src/core/ducking'
import { Session } from '../../src/core/session'
import { patch } from '../../src/core/store'
import { record, type Entries } from '../../src/core/transcript'
import { Api, type RoomInfo } from '../../src/core/api'
import type { Frame } from '../../src/core/wire'
import { PageProvider } from '../../src/react/page'
import { InsideContext } from '../../src/react/session'
import { Captions } from '../../src/room/Captions'
import { KeptBadge } from '../../src/room/Kept'
import { LiveRegion } from '../../src/room/LiveRegion'
import { OwnVoice } from '../../src/room/OwnVoice'
import { Unheard } from '../../src/room/Tile'
import { StateLine } from '../../src/room/StateLine'
import { Transcript } from '../../src/room/Transcript'
import { TranscriptLine } from '../../src/room/TranscriptLine'
import { Unlock } from '../../src/room/Unlock'
import { frame } from '../core/frames'

const info: RoomInfo = {
  room: 'demo',
  title: 'Demo',
  keeps: { policy: 'nothing', redaction: 'off' },
  secret_needed: false,
  people: 1,
  interpreter: 'listening',
  languages: [],
}
const interpreter = {
  identity: 'interpreter-1',
  epoch: 1,
  key: 'k',
  state: 'listening',
  languages: ['en', 'es'],
  keeps: 'nothing',
  keeping: '',
  zero: 0,
  detected: {},
  spoken: {},
  suggested: {},
  unheard: [],
  alike: [],
}
const wishes = { speaks: 'es', reads: 'es', hears: 'es', also: '' }
const session: { now: Session; hear: (frame: Frame) => void } = { now: null as never, hear: () => undefined }

beforeEach(() => {
  localStorage.clear()
  look({})
  vi.useFakeTimers({ shouldAdvanceTime: true })
  session.now = new Session()
  const listeners = new Set<(frame: Frame) => void>()
  vi.spyOn(session.now, 'onCaption').mockImplementation((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  })
  session.hear = (one) => act(() => listeners.forEach((tell) => tell(one)))
  patch(session.now.status, { connection: 'connected', interpreter, had: true, wishes })
})
afterEach(async () => {
  cleanup()
  vi.useRealTimers()
  await session.now.close()
})

const look = (part: Partial<Look>) => memory.look.save({ ...memory.look.load(), interface: 'en', ...part })

function show(part: ReactNode) {
  return render(
    <PageProvider>
      <InsideContext value={{ session: session.now, info, colours: new Colours(), talk: null }}>
        <RoomContext value={session.now.room}>{part}</RoomContext>
      </InsideContext>
    </PageProvider>,
  )
}

describe('a microphone that is not listened to', () => {
  it('is said on the picture of whose it is, and on no other', () => {
    show(
      <>
        <Unheard identity="ana" />
        <Unheard identity="ben" />
      </>,
    )
    expect(screen.queryByTestId('unheard')).toBeNull()
    act(() => patch(session.now.status, { interpreter: { ...interpreter, unheard: ['ben'] } }))
    expect(screen.getAllByTestId('unheard')).toHaveLength(1)
    expect(screen.getByTestId('unheard').textContent).toMatch(/too many microphones/)
  })
})

describe('the badge of what is kept', () => {
  const end = { days: 30, since: 'end' } as const
  const minutes = { policy: 'minutes-30', source: end, translation: end, redaction: 'off' } as const
  const badge = () => screen.getByTestId('kept-badge')
  const says = (keeps: string, key = 'k') =>
    act(() => patch(session.now.status, { interpreter: { ...interpreter, keeps, key } }))

  function show(keeps: RoomInfo['keeps'], api?: Api) {
    return render(
      <PageProvider {...(api ? { api } : {})}>
        <InsideContext value={{ session: session.now, info: { ...info, keeps }, colours: new Colours(), talk: null }}>
          <KeptBadge />
        </InsideContext>
      </PageProvider>,
    )
  }

  it.each(['failing', 'away'])('says that something may be missing while keeping is %s, and no longer', (keeping) => {
    show(minutes)
    const goes = (how: string) =>
      act(() => patch(session.now.status, { interpreter: { ...interpreter, keeps: 'minutes-30', keeping: how } }))

    goes('ok')
    expect(badge().getAttribute('aria-label')).not.toMatch(/missing/)
    goes(keeping)
    expect(badge().getAttribute('aria-label')).toMatch(/missing/)
    goes('ok')
    expect(badge().getAttribute('aria-label')).not.toMatch(/missing/)
  })

  it('says the whole of it to who cannot see it, and explains itself', async () => {
    const user = userEvent.setup({ advanceTimers: (ms) => vi.advanceTimersByTime(ms) })
    says('minutes-30')
    show(minutes)

    expect(badge().textContent).toBe('Kept for 30 days after the meeting')
    expect(badge().getAttribute('aria-label')).toBe(
      'What is said and its translations are kept for 30 days after the meeting.',
    )
    await user.click(badge())
    expect(screen.getByRole('dialog').textContent).toContain('encrypted')
  })

  it('follows the interpreter at once, and what was said before joining while there is none', () => {
    says('nothing', '')
    show(minutes)
    expect(badge().textContent).toBe('Kept for 30 days after the meeting')

    says('nothing')
    expect(badge().textContent).toBe('Nothing is kept')

    says('minutes-30')
    expect(badge().textContent).toBe('Kept for 30 days after the meeting')
  })

  it('asks what a policy means that it has not heard of', async () => {
    const answer = { ...info, keeps: minutes }
    const api = new Api('', () => Promise.resolve(new Response(JSON.stringify(answer))))
    show(info.keeps, api)
    expect(badge().textContent).toBe('Nothing is kept')

    says('minutes-30')
    expect(badge().textContent).toBe('A transcript is kept under the rule “minutes-30”.')

    await vi.waitFor(() => expect(badge().textContent).toBe('Kept for 30 days after the meeting'))
  })
})

describe('the state line', () => {
  const says = () => screen.getByTestId('state').textContent
  const agent = (state: string) => act(() => patch(session.now.status, { interpreter: { ...interpreter, state } }))

  it('says every state in words', () => {
    show(<StateLine />)
    expect(says()).toContain('Interpreting')

    agent('starting')
    expect(says()).toContain('Starting the interpreter')
    agent('captions_only')
    expect(says()).toContain('Captions only, the machine is busy')
    agent('degraded')
    expect(says()).toContain('captions come at the end of a sentence')
    agent('engines_away')
    expect(says()).toContain('The engines do not answer')
    act(() => patch(session.now.status, { interpreter: null }))
    expect(says()).toContain('The interpreter left, bringing it back')
    act(() => patch(session.now.status, { had: false }))
    expect(says()).toContain('Waiting for the interpreter')
    act(() => patch(session.now.status, { connection: 'reconnecting' }))
    expect(says()).toContain('Reconnecting')
  })

  it('names the language that has no voice', () => {
    show(<StateLine />)

    act(() =>
      patch(session.now.status, {
        wishes: { ...wishes, hears: 'ca' },
        served: { refused: { ca: 'not_served' }, routes: {}, voice: null, delays: {} },
      }),
    )

    expect(says()).toContain('No voice in Catalan here')
  })

  it('says how far behind the voice is, and when it skipped', () => {
    show(<StateLine />)
    const cue = { id: 'a', identity: 'ben', behind: 5 }

    act(() => session.now.voice.set(onCue(silent, { ...cue, event: 'started' }, Date.now())))
    expect(screen.getByTestId('behind').textContent).toBe('Translation is 5 s behind')

    act(() => session.now.voice.set(onCue(session.now.voice.get(), { ...cue, event: 'skipped' }, Date.now())))
    expect(screen.getByTestId('skipped').textContent).toBe('Skipped a sentence to catch up')
  })
})

describe('a voice like one’s own', () => {
  const able = () => patch(session.now.status, { interpreter: { ...interpreter, alike: ['es'] } })
  const calls = () => {
    const { room } = session.now
    room.remoteParticipants.set('interpreter-1', new RemoteParticipant(room.engine.client, 'PA_1', 'interpreter-1'))
    return vi.spyOn(room.localParticipant, 'performRpc').mockResolvedValue('{}')
  }

  it('is not offered where no engine can', () => {
    show(<OwnVoice />)

    expect(screen.queryByTestId('lend')).toBeNull()
  })

  it('is off until it is asked for, told to the interpreter alone, and taken back by the same click', async () => {
    const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime })
    const told = calls()
    able()
    show(<OwnVoice />)
    const box = screen.getByTestId<HTMLInputElement>('lend')
    expect([box.checked, told.mock.calls]).toEqual([false, []])
    expect(document.body.textContent).toContain('They are written nowhere')

    await user.click(box)
    expect(box.checked).toBe(true)
    await user.click(box)

    expect(box.checked).toBe(false)
    expect(told.mock.calls.map(([call]) => [call.destinationIdentity, call.method, call.payload])).toEqual([
      ['interpreter-1', 'dragoman.lend', '{"given":true}'],
      ['interpreter-1', 'dragoman.lend', '{"given":false}'],
    ])
    expect(JSON.stringify(localStorage)).not.toContain('voice')
  })

  it('can be taken back while no engine can any more', async () => {
    calls()
    await session.now.lend(true)
    show(<OwnVoice />)

    expect(screen.getByTestId<HTMLInputElement>('lend').checked).toBe(true)
  })

  it('is shown as it is where nobody could be told', async () => {
    calls().mockRejectedValue(new Error('no connection'))
    able()
    show(<OwnVoice />)

    await act(() => session.now.lend(true))

    expect(screen.getByTestId<HTMLInputElement>('lend').checked).toBe(false)
  })
})

describe('captions', () => {
  it('grow in place and settle, with who speaks beside them', () => {
    show(<Captions reads="es" also="" />)

    session.hear(frame({ id: 'a', text: 'Hola a', stable: 4 }))
    const line = screen.getByTestId('caption-line')
    expect([line.textContent, line.dataset.final, line.dataset.lang, line.dataset.identity]).toEqual([
      'Hola a',
      'false',
      'es',
      'ben',
    ])

    session.hear(frame({ id: 'a', rev: 2, text: 'Hola a todos.', final: true }))
    expect(screen.getByTestId('caption-line')).toBe(line)
    expect([line.textContent, line.dataset.final, line.dataset.id]).toEqual(['Hola a todos.', 'true', 'a'])
  })

  it('show text as text, never as HTML', () => {
    show(<Captions reads="es" also="" />)

    session.hear(frame({ text: '<img/src=x/onerror=alert(1)>', final: true }))

    expect(document.querySelector('.captions img')).toBeNull()
    expect(screen.getByTestId('caption-line').textContent).toBe('<img/src=x/onerror=alert(1)>')
  })

  it('leave other languages out, unless a second one is wanted', () => {
    const { unmount } = show(<Captions reads="es" also="" />)
    session.hear(frame({ id: 'a', lang: 'en', text: 'Hello.', final: true }))
    expect(screen.queryByTestId('caption-line')).toBeNull()
    unmount()

    show(<Captions reads="es" also="original" />)
    session.hear(frame({ id: 'a', lang: 'es', text: 'Hola.', final: true }))
    session.hear(frame({ id: 'a', lang: 'en', text: 'Hello.', final: true }))

    expect(screen.getAllByTestId('caption-line').map((line) => line.textContent)).toEqual(['Hola.', 'Hello.'])
  })

  it('are set from right to left where the language is', () => {
    show(<Captions reads="ar" also="" />)

    session.hear(frame({ lang: 'ar', text: 'صباح الخير', final: true }))

    expect(screen.getByTestId('caption-line').parentElement!.dir).toBe('rtl')
  })
})

describe('a screen reader', () => {
  it('hears each settled caption once', () => {
    show(<LiveRegion />)
    const said = () => screen.getByTestId('live-region').textContent

    session.hear(frame({ id: 'a', text: 'Hola' }))
    expect(said()).toBe('')
    session.hear(frame({ id: 'a', text: 'Hola.', final: true }))
    session.hear(frame({ id: 'a', text: 'Hola.', final: true }))

    expect(said()).toBe('Someone: Hola.')
    expect(screen.getByTestId('live-region').getAttribute('aria-live')).toBe('polite')
  })
})

describe('a line of the transcript', () => {
  const entries = ['es', 'en', 'fr'].reduce<Entries>(
    (all, lang) => record(all, frame({ id: 'a', start: 1, lang, text: `text in ${lang}`, final: true })),
    [],
  )

  it('has the original and the translation, and the others on a tap', () => {
    const line = (isOpen: boolean) => (
      <TranscriptLine entry={entries[0]!} name="Ben" reads="es" query="" isOpen={isOpen} onToggle={() => undefined} />
    )
    const { container, unmount } = show(line(false))
    const texts = (root: Element) => [...root.querySelectorAll('.line-text')].map((one) => one.textContent)
    expect(texts(container)).toEqual(['text in en', 'text in es'])
    unmount()

    expect(texts(show(line(true)).container)).toEqual(['text in en', 'text in es', 'text in fr'])
  })

  it('marks what was searched for', () => {
    const { container } = show(
      <TranscriptLine
        entry={entries[0]!}
        name="Ben"
        reads="es"
        query="TEXT"
        isOpen={false}
        onToggle={() => undefined}
      />,
    )

    expect([...container.querySelectorAll('mark')].map((one) => one.textContent)).toEqual(['text', 'text'])
  })
})

describe('the transcript panel', () => {
  it('draws a few of very many lines', () => {
    let entries = session.now.entries.get()
    for (let at = 0; at < 5_000; at += 1) entries = record(entries, frame({ id: `s${at}`, start: at, final: true }))
    session.now.entries.set(entries)

    show(<Transcript onClose={() => undefined} />)

    expect(screen.queryAllByTestId('transcript-line').length).toBeLessThan(60)
  })

  it('says when a search finds nothing', async () => {
    const user = userEvent.setup({ advanceTimers: (ms) => vi.advanceTimersByTime(ms) })
    session.now.entries.set(record([], frame({ final: true })))
    show(<Transcript onClose={() => undefined} />)

    await user.type(screen.getByTestId('transcript-search'), 'zebra')

    expect(screen.getByTestId('transcript').textContent).toContain('No line contains that.')
  })
})

describe('blocked sound', () => {
  it('is one click away', async () => {
    const user = userEvent.setup({ advanceTimers: (ms) => vi.advanceTimersByTime(ms) })
    const unlock = vi.spyOn(session.now.audio, 'unlock').mockImplementation(() => undefined)
    show(<Unlock />)

    await user.click(screen.getByTestId('unlock'))

    expect(unlock).toHaveBeenCalledOnce()
  })
})
