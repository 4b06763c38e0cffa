/** Stores as React sees them. */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Store } from '../core/store'

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get)
}

/** The time, again every `every` ms while something depends on it. */
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

/** A handler that may change with every render, for effects that should not. */
export function useLatest<T extends unknown[]>(handler: (...args: T) => void): (...args: T) => void {
  const latest = useRef(handler)
  useEffect(() => {
    latest.current = handler
  })
  const [stable] = useState(
    () =>
      (...args: T) =>
        latest.current(...args),
  )
  return stable
}
