/** The session that the room's parts share, and what of it they follow. */
import { createContext, use, useEffect, useState } from 'react'
import type { RoomInfo } from '../core/api'
import { CaptionStore } from '../core/captionStore'
import { Colours } from '../core/colours'
import type { Session, Status } from '../core/session'
import type { Shown } from '../core/screen'
import type { Talk } from '../core/talk'
import type { Frame } from '../core/wire'
import { useStore } from './store'

export interface Inside {
  session: Session
  info: RoomInfo
  colours: Colours
  talk: Talk | null
}

export const InsideContext = createContext<Inside | null>(null)

export function useInside(): Inside {
  const inside = use(InsideContext)
  if (inside === null) throw new Error('A part of the room stands outside of the room.')
  return inside
}

export function useStatus(): Status {
  return useStore(useInside().session.status)
}

const TICK = 150

/** The caption lines of the frames that `take` accepts, at most `limit` columns wide. */
export function useBoard(
  session: Session,
  slots: number,
  limit: number,
  take: (frame: Frame) => boolean,
): readonly Shown[] {
  const [captions] = useState(() => new CaptionStore(slots))
  useEffect(() => {
    captions.widen(limit)
  }, [captions, limit])
  useEffect(
    () => session.onCaption((frame) => (take(frame) ? captions.take(frame, Date.now()) : undefined)),
    [captions, session, take],
  )
  useEffect(() => {
    const timer = setInterval(() => captions.tick(Date.now()), TICK)
    return () => clearInterval(timer)
  }, [captions])
  return useStore(captions.shown)
}
