/** Names of voices; who has left keeps the name that they had. */
import { useParticipants } from '@livekit/components-react'
import { useCallback, useState } from 'react'
import { useWords } from '../react/page'

export type NameOf = (identity: string, speaker: string | null) => string

export function useNames(): NameOf {
  const words = useWords()
  const people = useParticipants()
  const [met] = useState(() => new Map<string, string>())
  for (const one of people) if (one.name) met.set(one.identity, one.name)
  return useCallback(
    (identity, speaker) => {
      const name = met.get(identity) ?? words.room.someone
      if (speaker === null) return name
      return /^[A-Z]$/u.test(speaker) ? `${name} · ${words.room.voice(speaker)}` : `${speaker} · ${name}`
    },
    [met, words],
  )
}
