/** Focus that is never lost: where the thing that had it goes, the page's main part gets it. */
import { useEffect } from 'react'

const GONE = 'button:disabled, input:disabled, select:disabled, [inert], [inert] *'

/** Watches the whole page; call it once. What a dialog gives back when it closes goes before this. */
export function useFocusKept(): void {
  useEffect(() => {
    let last: Element | null = null
    const note = () => {
      last = document.activeElement === document.body ? last : document.activeElement
    }
    const keep = () => {
      const lost = last !== null && (!last.isConnected || last.matches(GONE))
      if (lost && (document.activeElement === null || document.activeElement === document.body)) home()
    }
    // A dialog that closes gives focus back in the next frame; only then is it known to be lost.
    const soon = () => requestAnimationFrame(() => requestAnimationFrame(keep))
    const watch = new MutationObserver(soon)
    document.addEventListener('focusin', note)
    watch.observe(document.body, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ['disabled', 'inert'],
    })
    return () => {
      document.removeEventListener('focusin', note)
      watch.disconnect()
    }
  }, [])
}

/** Give focus to the page's main part. */
function home(): void {
  const main = [...document.querySelectorAll<HTMLElement>('[data-home], main')].find((one) => !one.matches(GONE))
  if (!main) return
  if (!main.hasAttribute('tabindex')) main.tabIndex = -1
  main.focus({ preventScroll: true })
}
