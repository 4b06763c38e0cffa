/** The transcript panel: original and translation, search, copy; it follows the talk until one scrolls up.
 *
 * On a narrow screen it covers everything else: then it takes the focus, and Escape closes it.
 */
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual'
import { ArrowDown, ClipboardCopy, Search, X } from 'lucide-react'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { asText, search, type Entries, type Entry } from '../core/transcript'
import { clock } from '../react/figures'
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { useLatest, useStore } from '../react/store'
import { useNames } from './names'
import { TranscriptLine } from './TranscriptLine'

const NEAR = 60

export function Transcript({ covers = false, onClose }: { covers?: boolean; onClose: () => void }) {
  const { words } = usePage()
  const { session } = useInside()
  const { wishes } = useStatus()
  const all = useStore(session.entries)
  const nameOf = useNames()
  const [query, setQuery] = useState('')
  const [open, setOpen] = useState<string | null>(null)
  const [copied, setCopied] = useState(false)
  const name = (entry: Entry) => nameOf(entry.identity, entry.speaker)
  const entries = useMemo(
    () => search(all, query, (entry) => nameOf(entry.identity, entry.speaker)),
    [all, query, nameOf],
  )
  const panel = useTakingFocus(covers, () => {
    // In the search's field, Escape first empties it.
    if (query === '') onClose()
  })
  const { scroller, list, following, toNewest, onScroll } = useFollowing(entries)

  const copy = () => {
    const text = asText(entries, wishes.reads, name, (at) => clock(words, at))
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true)
      setTimeout(() => setCopied(false), 2_000)
    })
  }
  return (
    <section
      className="transcript"
      ref={panel}
      role={covers ? 'dialog' : 'complementary'}
      aria-modal={covers ? true : undefined}
      aria-label={words.transcript.title}
      data-testid="transcript"
    >
      <header className="transcript-head">
        <h2 tabIndex={-1}>{words.transcript.title}</h2>
        <button
          type="button"
          className="tool"
          onClick={copy}
          disabled={entries.length === 0}
          aria-label={copied ? words.copied : words.transcript.copyAll}
          title={copied ? words.copied : words.transcript.copyAll}
          data-testid="transcript-copy"
        >
          <ClipboardCopy aria-hidden />
        </button>
        <button type="button" className="tool" onClick={onClose} aria-label={words.close}>
          <X aria-hidden />
        </button>
      </header>
      <label className="transcript-search">
        <Search aria-hidden size={18} />
        <span className="visually-hidden">{words.search}</span>
        <input
          type="search"
          value={query}
          placeholder={words.search}
          onChange={(event) => setQuery(event.target.value)}
          data-testid="transcript-search"
        />
        {query && <span className="quiet">{words.transcript.lines({ count: entries.length })}</span>}
      </label>
      <span className="visually-hidden" role="status">
        {copied ? words.copied : ''}
      </span>
      <div className="transcript-scroll" ref={scroller} onScroll={onScroll} data-testid="transcript-scroll">
        {entries.length === 0 && (
          <p className="quiet pad">{query ? words.transcript.noLine : words.transcript.empty}</p>
        )}
        <ol style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map((item) => {
            const entry = entries[item.index]!
            return (
              <li
                key={entry.key}
                ref={list.measureElement}
                data-index={item.index}
                data-key={entry.key}
                aria-setsize={entries.length}
                aria-posinset={item.index + 1}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <TranscriptLine
                  entry={entry}
                  name={name(entry)}
                  reads={wishes.reads}
                  query={query}
                  isOpen={open === entry.key}
                  onToggle={() => {
                    setOpen(open === entry.key ? null : entry.key)
                    if (open !== entry.key) void session.complete(entry)
                  }}
                />
              </li>
            )
          })}
        </ol>
      </div>
      {!following && entries.length > 0 && (
        <button type="button" className="button newest" onClick={toNewest} data-testid="to-newest">
          <ArrowDown aria-hidden size={16} /> {words.room.newest}
        </button>
      )}
    </section>
  )
}

/** The panel takes the focus where it covers the page, and gives it back to its switch when it goes. */
function useTakingFocus(covers: boolean, escape: () => void) {
  const panel = useRef<HTMLElement>(null)
  const onEscape = useLatest(escape)
  useEffect(() => {
    const element = panel.current
    const press = (event: KeyboardEvent) => (event.key === 'Escape' ? onEscape() : undefined)
    element?.addEventListener('keydown', press)
    return () => element?.removeEventListener('keydown', press)
  }, [onEscape])
  useEffect(() => {
    const element = panel.current
    if (covers) element?.querySelector<HTMLElement>('h2')?.focus()
  }, [covers])
  useLayoutEffect(() => {
    const element = panel.current
    return () => {
      const held = element?.contains(document.activeElement) ?? false
      // The switch may be covered until the page is drawn again.
      if (held)
        requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-testid=transcript-toggle]')?.focus())
    }
  }, [])
  return panel
}

/** Keep the newest line in sight, until somebody scrolls up to read. */
function useFollowing(entries: Entries) {
  const count = entries.length
  // A row's height is remembered by its entry: by its place, a search would give it the height of another.
  const keyOf = useCallback((at: number) => entries[at]!.key, [entries])
  const scroller = useRef<HTMLDivElement>(null)
  const [following, setFollowing] = useState(true)
  // The row that has the focus stays, however far away one scrolls: focus would be lost with it.
  const [focused, setFocused] = useState<string | null>(null)
  const shown = useCallback(
    (range: Range) => {
      const at = focused === null ? -1 : entries.findIndex((entry) => entry.key === focused)
      const rows = defaultRangeExtractor(range)
      return at < 0 || rows.includes(at) ? rows : [...rows, at].sort((a, b) => a - b)
    },
    [entries, focused],
  )
  useEffect(() => {
    const element = scroller.current
    const note = (event: FocusEvent) =>
      setFocused(event.target instanceof Element ? (event.target.closest('li')?.dataset.key ?? null) : null)
    element?.addEventListener('focusin', note)
    return () => element?.removeEventListener('focusin', note)
  }, [])
  // eslint-disable-next-line react-hooks/incompatible-library -- the list is not memoised by anyone
  const list = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => 88,
    getItemKey: keyOf,
    rangeExtractor: shown,
    overscan: 8,
  })
  useEffect(() => {
    if (following && count > 0) list.scrollToIndex(count - 1, { align: 'end' })
  }, [count, following, list])
  const onScroll = () => {
    const element = scroller.current
    if (element) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR)
  }
  const toNewest = () => {
    setFollowing(true)
    list.scrollToIndex(count - 1, { align: 'end' })
  }
  return { scroller, list, following, toNewest, onScroll }
}
