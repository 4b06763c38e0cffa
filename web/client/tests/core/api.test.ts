import { describe, expect, it } from 'vitest'
import { Api, ApiError } from '../../src/core/api'
import { ERROR_WORDS, sentence } from '../../src/i18n'
import { dictionaries } from '../dictionaries'

const answering = (status: number, body: unknown) =>
  new Api('', () => Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })))
const codeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => null,
    (error: unknown) => (error as ApiError).code,
  )
const info = {
  room: 'demo',
  title: 'Demo',
  keeps: { policy: 'nothing', source: null, redaction: 'off' },
  secret_needed: false,
  people: 0,
  limit: 12,
  interpreter: 'absent',
  engines: null,
  languages: [],
}

describe('the server’s answers', () => {
  it('are read as what they are', async () => {
    expect(await answering(200, info).room('demo')).toMatchObject({ title: 'Demo', people: 0, engines: null })
  })

  it('may lack what is not needed to join', async () => {
    expect(
      await answering(200, { room: 'demo', title: 'Demo', keeps: { policy: 'nothing' } }).room('demo'),
    ).toMatchObject({ languages: [], people: 0 })
  })

  it.each([
    [404, { code: 'room_not_found', message: 'There is no room of that name.' }, 'room_not_found'],
    [409, { code: 'room_full', message: '' }, 'room_full'],
    [502, '<html>Bad gateway</html>', 'server_away'],
    [500, 'oops', 'bad_answer'],
    [200, 'not json', 'bad_answer'],
    [200, { room: 3 }, 'bad_answer'],
  ])('of %i with %j are %s', async (status, body, code) => {
    expect(await codeOf(answering(status, body).room('demo'))).toBe(code)
  })

  it('missing altogether mean that it is away', async () => {
    const away = new Api('', () => Promise.reject(new TypeError('Failed to fetch')))

    expect(await codeOf(away.room('demo'))).toBe('server_away')
  })

  it('are asked for with the room’s name escaped and the host’s secret in its header', async () => {
    const seen: [string, RequestInit | undefined][] = []
    const api = new Api('', (url, init) => {
      seen.push([url as string, init])
      return Promise.resolve(new Response(JSON.stringify({ room: 'a', join: 'http://x/room/a#s' })))
    })

    await codeOf(api.room('a/b?c'))
    await api.make('Planning', 'hush', [{ term: 'Sintra' }])

    expect(seen[0]![0]).toBe('/api/rooms/a%2Fb%3Fc')
    expect(seen[1]![1]!.headers).toMatchObject({ authorization: 'Bearer hush' })
    expect(seen[1]![1]!.body).toBe('{"title":"Planning","glossary":[{"term":"Sintra"}],"keep":"nothing"}')
  })
})

describe('every refusal', () => {
  it.each(Object.keys(dictionaries))('has a sentence of its own in %s', (tag) => {
    const words = dictionaries[tag]!
    const sentences = ERROR_WORDS.map((code) => sentence(words, code))

    expect(new Set(sentences).size).toBe(ERROR_WORDS.length)
    expect(sentence(words, 'teapot')).toContain('teapot')
  })
})
