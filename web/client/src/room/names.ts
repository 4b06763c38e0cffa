/** Names of voices; who has left keeps the name that they had. */
import { useCallback } from 'react'
import { usePage } from '../react/page'
import { useInside } from '../react/session'
import { useStore } from '../react/store'

type NameOf = (identity: string, speaker: string | null) => string

export function useNames(): NameOf {
  const { words } = usePage()
  const names = useStore(useInside().session.names)
  return useCallback(
    (identity, speaker) => {
      const name = names[identity] ?? words.room.someone
      if (speaker === null) return name
      return /^[A-Z]$/u.test(speaker) ? `${name} · ${words.room.voice({ letter: speaker })}` : `${speaker} · ${name}`
    },
    [names, words],
  )
}
