/** What every page needs: its words, how it looks, and the server. */
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from 'react'
import { I18nProvider } from 'react-aria-components'
import { Api } from '../core/api'
import { memory, type Look } from '../core/choices'
import { directionOf } from '../core/languages'
import { english, load, loaded, tagFor, type Words } from '../i18n'

interface Page {
  words: Words
  look: Look
  setLook: (change: Partial<Look>) => void
  api: Api
  browser: readonly string[]
}

const PageContext = createContext<Page | null>(null)

export function PageProvider({ children, api }: { children: ReactNode; api?: Api }) {
  const [look, keep] = useState(() => memory.look.load())
  const [server] = useState(() => api ?? new Api())
  const words = useLoaded(tagFor(look.interface, navigator.languages))
  useEffect(() => {
    document.documentElement.lang = words.tag
    document.documentElement.dir = directionOf(words.tag)
  }, [words])
  const page = useMemo<Page>(() => {
    const setLook = (change: Partial<Look>) =>
      keep((before) => {
        const after = { ...before, ...change }
        memory.look.save(after)
        return after
      })
    return { words, look, setLook, api: server, browser: navigator.languages }
  }, [words, look, server])
  return (
    <PageContext value={page}>
      <I18nProvider locale={words.tag}>{children}</I18nProvider>
    </PageContext>
  )
}

/** The words of a language. Until they are there the ones before stay, and English where there are none. */
function useLoaded(tag: string): Words {
  const [words, setWords] = useState(() => loaded(tag) ?? english)
  useEffect(() => {
    let gone = false
    void load(tag).then(
      (found) => (gone ? undefined : setWords(found)),
      () => undefined,
    )
    return () => {
      gone = true
    }
  }, [tag])
  return words
}

export function usePage(): Page {
  const page = use(PageContext)
  if (page === null) throw new Error('A part of the page stands outside of PageProvider.')
  return page
}

export const useWords = (): Words => usePage().words

/** What the browser's tab is called; without a name of its own, as the product. */
export function useTitle(name: string | null): void {
  const { product } = useWords()
  useEffect(() => {
    document.title = name === null ? product : `${name} · ${product}`
  }, [name, product])
}

/** Dark in the room; before and after as the system likes it; always as the person chose, if they did. */
export function useTheme(inside: boolean): void {
  const { look } = usePage()
  useEffect(() => {
    const theme = look.theme === 'auto' ? (inside ? 'dark' : 'system') : look.theme
    document.documentElement.dataset.theme = theme
  }, [look.theme, inside])
}
