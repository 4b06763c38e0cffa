/** What the screen is like, as it changes. */
import { useCallback, useSyncExternalStore } from 'react'

/** Too narrow for the controls side by side, and for a transcript beside the stage; `room.css` says the same. */
export const NARROW = '(max-width: 900px)'
/** A phone lying on its side. */
export const FLAT = '(max-height: 480px)'

export function useMatch(query: string): boolean {
  const subscribe = useCallback(
    (tell: () => void) => {
      const list = matchMedia(query)
      list.addEventListener('change', tell)
      return () => list.removeEventListener('change', tell)
    },
    [query],
  )
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches)
}
