import { RpcError, type LocalParticipant, type Room } from 'livekit-client'
import { describe, expect, it, vi } from 'vitest'
import { isPassing, NobodyThere, Questions } from '../../src/core/rpc'

/** A room in which the interpreter, if it is there, answers everything alike. */
function asking(
  answer: unknown,
  { here = true, believed = 'interpreter-1' }: { here?: boolean; believed?: string | null } = {},
) {
  const performRpc = vi
    .fn<LocalParticipant['performRpc']>()
    .mockResolvedValue(typeof answer === 'string' ? answer : JSON.stringify(answer))
  const remoteParticipants = new Map(here ? [['interpreter-1', {}]] : [])
  const room = { remoteParticipants, localParticipant: { performRpc } } as unknown as Room
  return { questions: new Questions(room, () => believed), performRpc }
}

describe('a question', () => {
  it('goes to the interpreter that is believed', async () => {
    const { questions, performRpc } = asking({ frames: ['a'], more: true, names: { 'guest-1': 'Jack' } })

    expect(await questions.captions('es', 7)).toEqual({ frames: ['a'], more: true, names: { 'guest-1': 'Jack' } })
    expect(performRpc).toHaveBeenCalledExactlyOnceWith({
      destinationIdentity: 'interpreter-1',
      method: 'dragoman.captions',
      payload: '{"lang":"es","after":7}',
    })
  })

  it.each([
    ['was never there', { believed: null }],
    ['has left', { here: false }],
  ])('waits for nobody where the interpreter %s', async (_, where) => {
    const { questions, performRpc } = asking({}, where)

    await expect(questions.lend(true)).rejects.toThrow(NobodyThere)
    expect(performRpc).not.toHaveBeenCalled()
  })

  it('says which languages are wished for, and not which captions are read beside', async () => {
    const { questions, performRpc } = asking({
      refused: { hears: 'no_voice' },
      routes: { en: 'bergamot' },
      voice: 'piper',
      delays: { speak: 0.4 },
    })

    const served = await questions.languages({ speaks: 'en', reads: 'es', hears: 'es', also: 'fr' })

    expect(served).toEqual({
      refused: { hears: 'no_voice' },
      routes: { en: 'bergamot' },
      voice: 'piper',
      delays: { speak: 0.4 },
    })
    expect(JSON.parse(performRpc.mock.calls[0]![0].payload)).toEqual({ speaks: 'en', reads: 'es', hears: 'es' })
  })

  it('is answered with less by an older interpreter', async () => {
    const { questions } = asking({})

    expect(await questions.languages({ speaks: 'en', reads: '', hears: '', also: '' })).toEqual({
      refused: {},
      routes: {},
      voice: null,
      delays: {},
    })
    expect(await questions.speaks('guest-2', 'de')).toEqual({ suggested: false })
  })

  it.each([['no JSON'], [{ frames: 'a', more: false }], [{ frames: [] }], [null]])(
    'that is answered with %j fails',
    async (answer) => {
      const { questions } = asking(answer)

      await expect(questions.captions('es', 0)).rejects.toThrow()
    },
  )
})

describe('a refusal', () => {
  it.each<[Error, boolean]>([
    [new RpcError(1502, 'Response timeout'), true],
    [new RpcError(4400, 'too_many_calls'), true],
    [new RpcError(4400, 'too_soon'), true],
    [new RpcError(4400, 'not_allowed'), false],
    [new NobodyThere('dragoman.lend'), false],
  ])('%s passes: %s', (error, passing) => {
    expect(isPassing(error)).toBe(passing)
  })
})
