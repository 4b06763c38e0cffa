/** How the call for an interpreter goes, while a room has none. */
import { useEffect, useState } from 'react'
import { usePage } from '../react/page'

/** Milliseconds: an interpreter is mostly there sooner than the first question. */
const FIRST = 1_500
const EVERY = 5_000

/** What the web server says of a room's interpreter, asked while it is `missing`; '' while nobody has said anything. */
export function useCalling(room: string, missing: boolean): string {
  const { api } = usePage()
  const [called, setCalled] = useState('')
  useEffect(() => {
    if (!missing) return
    let over = false
    let timer: ReturnType<typeof setTimeout>
    const ask = async () => {
      const seen = await api.room(room).catch(() => null)
      if (over) return
      setCalled(seen?.interpreter ?? '')
      timer = setTimeout(() => void ask(), EVERY)
    }
    timer = setTimeout(() => void ask(), FIRST)
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [api, room, missing])
  return missing ? called : ''
}
