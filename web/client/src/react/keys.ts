/** Single keys as shortcuts, silent while somebody types or chooses, and where they are switched off. */
import { useEffect } from 'react'
import { useLatest } from './store'

const BUSY = 'input, textarea, select, [contenteditable], [role=listbox], [role=menu], [role=dialog], [role=slider]'

export function useKeys(keys: Readonly<Record<string, () => void>>, on: boolean): void {
  const press = useLatest((event: KeyboardEvent) => {
    if (!on || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return
    if (event.target instanceof Element && event.target.closest(BUSY)) return
    const act = keys[event.key.toLowerCase()]
    if (!act) return
    event.preventDefault()
    act()
  })
  useEffect(() => {
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [press])
}
