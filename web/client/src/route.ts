/** Which page an address means, and going to another without losing the click that allows sound. */
import { useSyncExternalStore } from 'react'

type Route =
  { page: 'landing' } | { page: 'unknown' } | { page: 'room'; room: string; talk: string | null; secret: string }

export function routeOf(path: string, query: string, hash: string): Route {
  const found = /^\/room\/([^/]+)\/?$/.exec(path)
  if (!found) return { page: path === '/' || path === '/index.html' ? 'landing' : 'unknown' }
  return {
    page: 'room',
    room: decode(found[1]!),
    talk: new URLSearchParams(query).get('talk'),
    secret: decode(hash.replace(/^#/, '')),
  }
}

/** A pasted link as an address on this server; null when it leads to no room here. A room's name alone opens none. */
export function addressOf(text: string, origin: string): string | null {
  try {
    const url = new URL(text.trim(), origin)
    if (url.origin !== origin || routeOf(url.pathname, '', '').page !== 'room') return null
    return url.pathname + url.search + url.hash
  } catch {
    return null
  }
}

export function go(address: string): void {
  history.pushState(null, '', address)
  dispatchEvent(new PopStateEvent('popstate'))
}

const subscribe = (tell: () => void) => {
  addEventListener('popstate', tell)
  addEventListener('hashchange', tell)
  return () => {
    removeEventListener('popstate', tell)
    removeEventListener('hashchange', tell)
  }
}

export function useRoute(): Route {
  const address = useSyncExternalStore(
    subscribe,
    () => location.pathname + '\n' + location.search + '\n' + location.hash,
  )
  const [path, query, hash] = address.split('\n') as [string, string, string]
  return routeOf(path, query, hash)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
