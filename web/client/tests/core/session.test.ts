import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RemoteParticipant } from 'livekit-client'
import { Session } from '../../src/core/session'
import { patch } from '../../src/core/store'
import type { Entry } from '../../src/core/transcript'
import type { Frame } from '../../src/core/wire'

const golden = JSON.parse(
  readFileSync(new URL('../../../../tests/wire/01-valid-final.json', import.meta.url), 'utf8'),
) as {
  key: object
  epoch: number
  frame: string
}
const payload = JSON.parse(Buffer.from(golden.frame.split('.')[1]!, 'base64url').toString()) as Frame
const sessions: Session[] = []

afterEach(() => Promise.all(sessions.splice(0).map((session) => session.close())))

/** A session whose interpreter says that the room's clock began then; the frame comes in. */
async function told(zero: number | null) {
  const session = new Session()
  sessions.push(session)
  const interpreter = {
    identity: 'interpreter-1',
    epoch: golden.epoch,
    key: JSON.stringify(golden.key),
    state: 'listening',
    languages: [payload.lang],
    keeps: 'nothing',
    keeping: '',
    zero,
    detected: {},
    spoken: {},
    suggested: {},
    unheard: [],
    alike: [],
  }
  const live: Frame[] = []
  session.onCaption((frame) => live.push(frame))
  patch(session.status, { interpreter })
  await session.verifier.trust(interpreter)
  await session.verifier.caption(golden.frame, interpreter.identity, payload.lang)
  return { session, live, entries: session.entries.get() }
}

describe('a caption', () => {
  const end = payload.end * 1_000

  it('of what is being said goes to the lines and to the transcript', async () => {
    const { live, entries } = await told(payload.at - end - 2_000)

    expect(live.map(({ id }) => id)).toEqual([payload.id])
    expect(entries.map(({ id }) => id)).toEqual([payload.id])
  })

  it('of what was said long before goes to the transcript alone, under the time at which it was said', async () => {
    const zero = payload.at - end - 120_000
    const { live, entries } = await told(zero)

    expect(live).toEqual([])
    expect(entries.map(({ id, at }) => [id, at])).toEqual([[payload.id, Math.round(zero + payload.start * 1_000)]])
  })
})

describe('a name', () => {
  const here = (session: Session, identity: string, name: string) => {
    session.room.remoteParticipants.set(
      identity,
      new RemoteParticipant(session.room.engine.client, 'PA_1', identity, name),
    )
  }
  const answering = (session: Session, names: Record<string, string>) => {
    here(session, 'interpreter-1', '')
    vi.spyOn(session.room.localParticipant, 'performRpc').mockResolvedValue(
      JSON.stringify({ frames: [], more: false, names }),
    )
  }

  it('of somebody who left before we came is told by the interpreter', async () => {
    const { session } = await told(null)
    answering(session, { 'guest-1': 'Jack' })

    await session.complete({ epoch: golden.epoch } as Entry)

    expect(session.names.get()).toEqual({ 'guest-1': 'Jack' })
  })

  it('of somebody who is here is their own', async () => {
    const { session } = await told(null)
    answering(session, { 'guest-1': 'Jack' })
    here(session, 'guest-1', 'Jacqueline')

    await session.complete({ epoch: golden.epoch } as Entry)

    expect(session.names.get()).toEqual({ 'guest-1': 'Jacqueline' })
  })
})
