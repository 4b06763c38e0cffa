import { cleanup, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useState } from 'react'
import { Api, type RoomInfo } from '../../src/core/api'
import type { Choices } from '../../src/core/choices'
import { memory } from '../../src/core/choices'
import { Landing } from '../../src/landing/Landing'
import { PageProvider } from '../../src/react/page'
import { Figures } from '../../src/room/Figures'
import { LanguagePicker } from '../../src/room/LanguagePicker'
import { Prejoin } from '../../src/room/Prejoin'
import { RoomPage } from '../../src/room/RoomPage'
import { readSpecials } from '../../src/room/specials'
import { dictionaries } from '../dictionaries'

const info: RoomInfo = {
  room: 'demo',
  title: 'Weekly planning',
  keeps: { policy: 'nothing', redaction: 'off' },
  secret_needed: false,
  people: 2,
  limit: 12,
  interpreter: 'listening',
  engines: null,
  languages: [
    {
      tag: 'es',
      speak: { grade: 'good', figure: 0.1, measure: 'wer' },
      read: { from: { en: { grade: 'good', figure: 52.9, measure: 'chrf', route: 'bergamot en>pt, apertium pt>es' } } },
      hear: { grade: 'rough', engine: 'espeak-ng' },
    },
    {
      tag: 'ca',
      speak: { grade: 'unmeasured' },
      read: { from: { es: { grade: 'fair', figure: 44, measure: 'chrf' } } },
      hear: null,
    },
    { tag: 'ja', speak: { grade: 'good', figure: 0.2, measure: 'wer' }, read: { from: {} }, hear: null },
  ],
}
const answering = (status: number, body: unknown) =>
  new Api('', () => Promise.resolve(new Response(JSON.stringify(body), { status })))

beforeEach(() => {
  localStorage.clear()
  memory.look.save({ ...memory.look.load(), interface: 'en' })
})
afterEach(cleanup)

describe('before joining', () => {
  function show(offered = true) {
    const asked: string[] = []
    const api = new Api('', (path, init) => {
      asked.push(`${init?.method ?? ''} ${path as string}`)
      const made = { room: 'try-abcd-efgh-jkmn', secret: 's' }
      return Promise.resolve(new Response(JSON.stringify(init?.method === 'POST' ? made : { offered })))
    })
    const onJoin = vi.fn<(choices: Choices) => void>()
    render(
      <PageProvider api={api}>
        <Prejoin info={info} problem={null} joining={false} onJoin={onJoin} />
      </PageProvider>,
    )
    return { onJoin, asked, user: userEvent.setup() }
  }

  it('one may join to listen with nothing but a name', async () => {
    const { onJoin, user } = show()
    const join = screen.getByTestId<HTMLButtonElement>('join')
    expect(join.disabled).toBe(true)

    await user.type(screen.getByTestId('name'), 'Ana')
    expect(join.textContent).toBe('Join to listen')
    await user.click(join)

    expect(onJoin).toHaveBeenCalledOnce()
    expect(onJoin.mock.calls[0]![0]).toMatchObject({ name: 'Ana', reads: 'same' })
  })

  it('a name of spaces is none', async () => {
    const { user } = show()

    await user.type(screen.getByTestId('name'), '   ')

    expect(screen.getByTestId<HTMLButtonElement>('join').disabled).toBe(true)
  })

  it('what is kept stands there, and what that means is a click away', async () => {
    const { user } = show()

    await user.click(within(screen.getByTestId('kept')).getByRole('button'))

    expect(screen.getByTestId('kept').textContent).toContain('Nothing is kept after this meeting.')
    expect(screen.getByRole('dialog').textContent).toContain('nothing is written to a disk')
  })

  it('an insecure address is said in its own sentence when the microphone is turned on', async () => {
    expect('mediaDevices' in navigator).toBe(false)
    const { user } = show()

    await user.click(screen.getByTestId('prejoin-microphone'))

    await waitFor(() => expect(screen.getByRole('alert').textContent).toMatch(/^Microphone: .*https/))
  })

  it('choices are there again after a reload', async () => {
    const { user } = show()
    await user.type(screen.getByTestId('name'), 'Ana')
    cleanup()

    show()

    expect(screen.getByTestId<HTMLInputElement>('name').value).toBe('Ana')
  })

  it('the recorded talk plays in a room of one’s own, not in this one', async () => {
    const { asked, user } = show()

    await user.click(await screen.findByTestId('try'))

    await waitFor(() => expect(location.pathname).toBe('/room/try-abcd-efgh-jkmn'))
    expect(location.search).toBe('?talk=')
    expect(location.hash).toBe('#s')
    expect(asked).toContain('POST /api/trials')
    history.replaceState(null, '', '/')
  })

  it('nothing is said of a recorded talk where the server offers none', async () => {
    const { asked } = show(false)

    await waitFor(() => expect(asked).toContain('GET /api/trials'))
    await new Promise((resolve) => setTimeout(resolve))

    expect(screen.queryByTestId('try')).toBe(null)
  })
})

describe('choosing a language', () => {
  function Chooser() {
    const [value, setValue] = useState('same')
    return (
      <LanguagePicker
        label="I read"
        stage="read"
        value={value}
        onChange={setValue}
        languages={info.languages}
        specials={readSpecials(dictionaries.en!)}
        same="es"
        testid="read"
      />
    )
  }
  async function open() {
    const user = userEvent.setup()
    render(
      <PageProvider>
        <Chooser />
      </PageProvider>,
    )
    await user.click(within(screen.getByTestId('read')).getByRole('button', { name: /I read/ }))
    return user
  }
  const names = () => screen.getAllByRole('option').map((option) => option.getAttribute('data-tag'))

  it('shows own names with an honest word, and greys what is not served', async () => {
    await open()

    expect(names()).toEqual(expect.arrayContaining(['same', 'off', 'es', 'ca', 'ja']))
    expect(screen.getByRole('option', { name: 'Español Spanish good' })).toBeTruthy()
    expect(
      screen.getByRole('option', { name: '日本語 Japanese no translation here' }).getAttribute('aria-disabled'),
    ).toBe('true')
  })

  it('finds by any of a language’s names', async () => {
    const user = await open()

    await user.type(screen.getByRole('searchbox'), 'catalan')
    expect(names()).toEqual(['ca'])

    await user.keyboard('{ArrowDown}{Enter}')
    expect(
      within(screen.getByTestId('read'))
        .getByRole('button', { name: /I read/ })
        .getAttribute('data-value'),
    ).toBe('ca')
  })

  it('opens the measured figures', async () => {
    const user = await open()

    await user.click(screen.getByRole('button', { name: 'Show figures' }))

    expect(screen.getByRole('listbox').textContent).toContain(
      'from English · chrF 52.9 · by bergamot en>pt, apertium pt>es',
    )
  })
})

describe('the word beside a language', () => {
  it('opens its figures, and which figures are called what', async () => {
    const spanish = { ...info.languages[0]!, grades: { wer: { good: 0.12, fair: 0.25 }, chrf: { good: 65, fair: 55 } } }
    const user = userEvent.setup()
    render(
      <PageProvider>
        <Figures language={spanish} stage="read" />
        <Figures language={spanish} stage="speak" />
      </PageProvider>,
    )

    await user.click(screen.getAllByRole('button', { name: /good/ })[0]!)
    expect(screen.getByRole('dialog').textContent).toContain('from 65 good · from 55 fair · otherwise poor')
    await user.keyboard('{Escape}')
    await user.click(screen.getAllByRole('button', { name: /good/ })[1]!)
    expect(screen.getByRole('dialog').textContent).toContain('up to 12% good · up to 25% fair · otherwise poor')
  })

  it('says of a language that nothing is translated into that it is read only where it is spoken', async () => {
    const german = {
      tag: 'de',
      read: { from: { de: { grade: 'fair' as const, figure: 0.22, measure: 'wer', route: 'whisper-base' } } },
    }
    const user = userEvent.setup()
    render(
      <PageProvider>
        <Figures language={german} stage="read" />
      </PageProvider>,
    )

    await user.click(screen.getByRole('button', { name: /only if spoken/ }))

    expect(screen.getByRole('dialog').textContent).toContain('22% of words wrong')
  })
})

describe('a room that cannot be entered', () => {
  it.each([
    [404, 'room_not_found', /no room of that name/],
    [502, 'x', /server/],
  ])('answers %i with one sentence and one thing to do', async (status, code, said) => {
    const api =
      status === 502 ? new Api('', () => Promise.reject(new TypeError('no'))) : answering(status, { code, message: '' })
    render(
      <PageProvider api={api}>
        <RoomPage room="nowhere" secret="" talk={null} />
      </PageProvider>,
    )

    expect((await screen.findByRole('alert')).textContent).toMatch(said)
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy()
  })

  it('keeps the person at the door with the reason when joining is refused', async () => {
    const api = new Api('', (url) =>
      Promise.resolve(
        (url as string).endsWith('/join')
          ? new Response(JSON.stringify({ code: 'room_full', message: 'full' }), { status: 409 })
          : new Response(JSON.stringify(info)),
      ),
    )
    vi.stubGlobal('RTCPeerConnection', vi.fn())
    const user = userEvent.setup()
    render(
      <PageProvider api={api}>
        <RoomPage room="demo" secret="" talk={null} />
      </PageProvider>,
    )
    await user.type(await screen.findByTestId('name'), 'Ana')

    await user.click(screen.getByTestId('join'))

    expect((await screen.findByTestId('problem')).textContent).toMatch(/full|browser/)
  })
})

describe('a link without its secret', () => {
  it('is told at once, before a name or a microphone is asked for', async () => {
    const api = answering(200, { ...info, secret_needed: true })
    render(
      <PageProvider api={api}>
        <RoomPage room="demo" secret="" talk={null} />
      </PageProvider>,
    )

    expect((await screen.findByRole('alert')).textContent).toMatch(/after the # is missing/)
    expect(screen.queryByTestId('name')).toBeNull()
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull()
  })

  it('opens the door as soon as it is there', async () => {
    const api = answering(200, { ...info, secret_needed: true })
    const page = (secret: string) => (
      <PageProvider api={api}>
        <RoomPage room="demo" secret={secret} talk={null} />
      </PageProvider>
    )
    const { rerender } = render(page(''))
    await screen.findByRole('alert')

    rerender(page('s3cret'))

    expect(await screen.findByTestId('name')).toBeTruthy()
    expect(document.title).toBe('Weekly planning · Dragoman')
  })
})

describe('the first page', () => {
  it('takes the name of a room from the tab', () => {
    document.title = 'Weekly planning · Dragoman'
    render(
      <PageProvider api={answering(404, {})}>
        <Landing />
      </PageProvider>,
    )

    expect(document.title).toBe('Dragoman')
  })

  it('shows no link any more once the form says something else', async () => {
    const api = answering(201, { room: 'abc', join: 'http://127.0.0.1:8080/room/abc#s' })
    const user = userEvent.setup()
    render(
      <PageProvider api={api}>
        <Landing />
      </PageProvider>,
    )
    await user.type(screen.getByLabelText('What is the meeting called?'), 'Planning')
    await user.type(screen.getByLabelText('Host secret'), 'hush')
    await user.click(screen.getByRole('button', { name: 'Make the room' }))
    await screen.findByTestId('made-link')

    await user.type(screen.getByLabelText('What is the meeting called?'), ' again')

    expect(screen.queryByTestId('made-link')).toBeNull()
  })

  it('makes a room with the host secret and shows the link', async () => {
    const api = answering(201, { room: 'abc', join: 'http://127.0.0.1:8080/room/abc#s' })
    const user = userEvent.setup()
    render(
      <PageProvider api={api}>
        <Landing />
      </PageProvider>,
    )

    await user.type(screen.getByLabelText('What is the meeting called?'), 'Planning')
    await user.type(screen.getByLabelText('Host secret'), 'hush')
    await user.click(screen.getByRole('button', { name: 'Make the room' }))

    expect((await screen.findByTestId<HTMLInputElement>('made-link')).value).toBe('http://127.0.0.1:8080/room/abc#s')
  })

  it('sends the names and terms of the meeting, and nothing while a line of them makes no sense', async () => {
    const user = userEvent.setup()
    const sent: unknown[] = []
    const api = new Api('', (_, init) => {
      if (init?.method !== 'POST') return Promise.reject(new TypeError('away'))
      sent.push(JSON.parse(init.body as string))
      return Promise.resolve(new Response(JSON.stringify({ room: 'abc', join: 'http://127.0.0.1:8080/room/abc#s' })))
    })
    render(
      <PageProvider api={api}>
        <Landing />
      </PageProvider>,
    )
    await user.type(screen.getByLabelText('What is the meeting called?'), 'Planning')
    await user.type(screen.getByLabelText('Names and terms (optional)'), 'Sintra\nboard = junta')
    await user.type(screen.getByLabelText('Host secret'), 'hush')

    await user.click(screen.getByRole('button', { name: 'Make the room' }))
    expect(screen.getByRole('alert').textContent).toMatch(/names and terms/)
    expect(sent).toEqual([])

    await user.clear(screen.getByTestId('terms'))
    await user.type(screen.getByTestId('terms'), 'Sintra\nboard = es: junta')
    await user.click(screen.getByRole('button', { name: 'Make the room' }))
    await screen.findByTestId('made-link')
    expect(sent).toEqual([
      {
        title: 'Planning',
        glossary: [{ term: 'Sintra' }, { term: 'board', translations: { es: 'junta' } }],
        keep: 'nothing',
      },
    ])
  })

  it('offers what a room may keep in plain words, and sends what was chosen', async () => {
    const user = userEvent.setup()
    const sent: { keep: string }[] = []
    const end = { days: 30, since: 'end' }
    const policies = [
      { policy: 'minutes-30', source: end, translation: end, redacted: null, redaction: 'off' },
      { policy: 'redacted-90', redacted: { days: 90, since: 'end' }, redaction: 'mask' },
    ]
    const api = new Api('', (url, init) => {
      if (url === '/api/policies')
        return Promise.resolve(new Response(JSON.stringify({ default: 'nothing', policies })))
      sent.push(JSON.parse(init!.body as string) as { keep: string })
      return Promise.resolve(new Response(JSON.stringify({ room: 'abc', join: 'http://127.0.0.1:8080/room/abc#s' })))
    })
    render(
      <PageProvider api={api}>
        <Landing />
      </PageProvider>,
    )
    await screen.findByRole('option', {
      name: 'What is said and its translations are kept for 30 days after the meeting.',
    })
    const choice = screen.getByTestId<HTMLSelectElement>('keep')
    expect(choice.value).toBe('nothing')

    await user.selectOptions(choice, 'What is said is kept for 90 days after the meeting, with personal data masked.')
    await user.type(screen.getByLabelText('What is the meeting called?'), 'Planning')
    await user.type(screen.getByLabelText('Host secret'), 'hush')
    await user.click(screen.getByRole('button', { name: 'Make the room' }))
    await screen.findByTestId('made-link')

    expect(sent.map(({ keep }) => keep)).toEqual(['redacted-90'])
  })

  it('begins with what the server keeps where nobody chooses', async () => {
    const policies = [{ policy: 'source-7', source: { days: 7, since: 'said' }, redaction: 'off' }]
    render(
      <PageProvider api={answering(200, { default: 'source-7', policies })}>
        <Landing />
      </PageProvider>,
    )

    await screen.findByRole('option', { name: 'What is said is kept for 7 days.' })
    expect(screen.getByTestId<HTMLSelectElement>('keep').value).toBe('source-7')
  })

  it('says when the secret is wrong', async () => {
    const user = userEvent.setup()
    render(
      <PageProvider api={answering(401, { code: 'host_secret_wrong', message: '' })}>
        <Landing />
      </PageProvider>,
    )

    await user.type(screen.getByLabelText('What is the meeting called?'), 'Planning')
    await user.type(screen.getByLabelText('Host secret'), 'guess')
    await user.click(screen.getByRole('button', { name: 'Make the room' }))

    expect((await screen.findByRole('alert')).textContent).toMatch(/host secret is wrong/)
  })

  it('does not follow a link to elsewhere', async () => {
    const user = userEvent.setup()
    render(
      <PageProvider api={answering(503, {})}>
        <Landing />
      </PageProvider>,
    )

    await user.type(screen.getByTestId('join-link'), 'https://elsewhere.example/room/demo')
    await user.click(screen.getByRole('button', { name: 'Go to the room' }))

    expect(screen.getByRole('alert').textContent).toMatch(/not a link to a room/)
  })
})
