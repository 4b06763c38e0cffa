import { ParticipantKind, RemoteParticipant, RpcError, type PerformRpcParams } from 'livekit-client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Present } from '../../src/core/interpreter'
import { Session } from '../../src/core/session'
import { patch } from '../../src/core/store'
import { Vouching, type Vouched } from '../../src/core/vouching'

const KEY = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
const ours: Vouched = { identity: 'interpreter-ours', epoch: 5, key: KEY }
const claims = ({ identity, epoch, key }: { identity: string; epoch: number | string; key: string }, more = {}) => ({
  'dragoman.epoch': String(epoch),
  'dragoman.key': key,
  'dragoman.state': 'listening',
  'dragoman.languages': 'en',
  from: identity,
  ...more,
})
const rogue = { identity: 'interpreter-rogue', epoch: String(2n ** 62n), key: KEY }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the voucher', () => {
  const agent = (of: { identity: string; epoch: number | string; key: string }): Present => ({
    identity: of.identity,
    isAgent: true,
    attributes: claims(of),
  })
  const asking = (answer: () => Promise<Vouched | null>) => {
    const voucher = vi.fn(answer)
    const changed = vi.fn()
    return { voucher, changed, vouching: new Vouching(voucher, changed) }
  }

  it('is not asked while nobody claims to interpret', async () => {
    const { voucher, vouching } = asking(() => Promise.resolve(null))

    vouching.look([])
    vouching.look([{ identity: 'interpreter-x', isAgent: false, attributes: {} }])
    await vi.advanceTimersByTimeAsync(60_000)

    expect(voucher).not.toHaveBeenCalled()
  })

  it('is asked at once when somebody does, and no more once they are the one', async () => {
    const { voucher, changed, vouching } = asking(() => Promise.resolve(ours))

    vouching.look([agent(ours)])
    await vi.advanceTimersByTimeAsync(60_000)

    expect([voucher.mock.calls.length, changed.mock.calls.length, vouching.known]).toEqual([1, 1, ours])
  })

  it('is asked again, ever more rarely, while those who claim it are not known', async () => {
    const { voucher, vouching } = asking(() => Promise.resolve(null))

    vouching.look([agent(rogue)])
    await vi.advanceTimersByTimeAsync(2_000)
    const soon = voucher.mock.calls.length
    await vi.advanceTimersByTimeAsync(600_000)

    expect(soon).toBe(3)
    expect(voucher.mock.calls.length).toBeLessThanOrEqual(45)
    expect(vouching.known).toBeNull()
  })

  it('is not asked faster by a crowd of agents that change all the time', async () => {
    const { voucher, vouching } = asking(() => Promise.resolve(ours))

    for (let moment = 0; moment < 600; moment += 1) {
      vouching.look([
        agent(ours),
        ...Array.from({ length: 50 }, (_, at) => agent({ ...rogue, identity: `interpreter-${at}`, epoch: moment })),
      ])
      await vi.advanceTimersByTimeAsync(100)
    }

    expect(voucher.mock.calls.length).toBeLessThanOrEqual(5 + 60 / 5)
    expect(vouching.known).toEqual(ours)
  })

  it('is believed as before while the web server is away, and asked again when it is back', async () => {
    const next = { ...ours, identity: 'interpreter-next', epoch: 6 }
    let answer: () => Promise<Vouched | null> = () => Promise.resolve(ours)
    const { vouching } = asking(() => answer())
    vouching.look([agent(ours)])
    await vi.advanceTimersByTimeAsync(1_000)

    answer = () => Promise.reject(new Error('server_away'))
    vouching.look([agent(ours), agent(next)])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(vouching.known).toEqual(ours)

    answer = () => Promise.resolve(next)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(vouching.known).toEqual(next)
  })

  it('is asked no more once the page is closed', async () => {
    const { voucher, vouching } = asking(() => Promise.resolve(null))
    vouching.look([agent(rogue)])
    await vi.advanceTimersByTimeAsync(0)

    vouching.close()
    await vi.advanceTimersByTimeAsync(60_000)

    expect(voucher).toHaveBeenCalledTimes(1)
  })
})

describe('a session', () => {
  const sessions: Session[] = []
  afterEach(() => Promise.all(sessions.splice(0).map((session) => session.close())))

  const answering = (session: Session, answer: (call: PerformRpcParams) => Promise<string>) =>
    vi.spyOn(session.room.localParticipant, 'performRpc').mockImplementation(answer)

  async function among(...agents: { identity: string; epoch: number | string; key: string }[]) {
    const session = new Session(() => Promise.resolve(ours))
    sessions.push(session)
    answering(session, () => Promise.resolve('{"frames":[],"more":false}'))
    for (const agent of agents) come(session, agent)
    await vi.advanceTimersByTimeAsync(0)
    return session
  }

  function come(session: Session, agent: { identity: string; epoch: number | string; key: string }, more = {}) {
    const { room } = session
    const who = new RemoteParticipant(
      room.engine.client,
      `PA_${agent.identity}`,
      agent.identity,
      '',
      '',
      claims(agent, more),
      undefined,
      ParticipantKind.AGENT,
    )
    room.remoteParticipants.set(agent.identity, who)
    room.emit('participantConnected', who)
  }

  it('shows nothing of an agent that the web server does not vouch for, whatever epoch it claims', async () => {
    const session = await among(rogue)
    expect(session.status.get().interpreter).toBeNull()

    come(session, ours)
    await vi.advanceTimersByTimeAsync(1_000)
    come(
      session,
      { ...rogue, identity: 'interpreter-zzz' },
      { 'dragoman.state': 'engines_away', 'dragoman.spoken': '{"ben":"fr"}' },
    )
    await vi.advanceTimersByTimeAsync(60_000)

    expect(session.status.get().interpreter).toMatchObject({ identity: ours.identity, state: 'listening', spoken: {} })
  })

  it.each([
    ['another key', { ...ours, key: KEY.replace('11q', '22q') }],
    ['another epoch', { ...ours, epoch: 6 }],
  ])('does not believe the right name with %s', async (_, wrong) => {
    const session = await among(wrong)

    expect(session.status.get().interpreter).toBeNull()
  })

  it('believes the newest agent where nobody vouches, as another application may', () => {
    const session = new Session()
    sessions.push(session)
    answering(session, () => Promise.resolve('{}'))

    come(session, ours)

    expect(session.status.get().interpreter?.identity).toBe(ours.identity)
  })

  it('tells every interpreter that is newly trusted its wishes and its consent, until they are taken', async () => {
    const session = await among()
    const starting = new Set(['dragoman.lend'])
    const told = answering(session, ({ method }) =>
      starting.delete(method) ? Promise.reject(RpcError.builtIn('UNSUPPORTED_METHOD')) : Promise.resolve('{}'),
    )
    const wished = 'dragoman.languages {"speaks":"en","reads":"es","hears":""}'
    patch(session.status, { wishes: { speaks: 'en', reads: 'es', hears: '', also: '' }, lent: true })

    come(session, ours)
    await vi.advanceTimersByTimeAsync(5_000)

    const calls = told.mock.calls.map(([{ method, payload }]) => `${method} ${payload}`)
    const lent = 'dragoman.lend {"given":true}'
    expect(calls.filter((call) => !call.startsWith('dragoman.captions'))).toEqual([lent, wished, lent])
  })

  it('changes what is wished by a call and by nothing that others could read', async () => {
    const session = await among(ours)
    await vi.advanceTimersByTimeAsync(1_000)
    const attributes = vi.spyOn(session.room.localParticipant, 'setAttributes')
    const told = answering(session, () => Promise.resolve('{"refused":{"fr":"not_served"}}'))

    await session.choose({ speaks: 'en', reads: 'fr', hears: '', also: '' })

    expect(attributes).not.toHaveBeenCalled()
    expect(told.mock.calls.map(([{ method }]) => method)).toContain('dragoman.languages')
    expect(session.status.get().served?.refused).toEqual({ fr: 'not_served' })
  })

  it('takes what people speak from the interpreter, not from what they say of themselves', async () => {
    const session = await among()
    come(session, ours, { 'dragoman.spoken': '{"ben":"fr","ann":"auto"}', 'dragoman.detected': '{"ann":"de"}' })
    await vi.advanceTimersByTimeAsync(1_000)
    const ben = new RemoteParticipant(session.room.engine.client, 'PA_ben', 'ben', 'Ben', '', {
      'dragoman.speaks': 'en',
    })
    session.room.remoteParticipants.set('ben', ben)

    expect([session.spokenBy('ben'), session.spokenBy('ann')]).toEqual(['fr', 'de'])
  })
})
