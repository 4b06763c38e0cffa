/** One clause of the transcript: who, when, the original and the translation, and on a tap all other languages. */
import { ChevronDown } from 'lucide-react'
import type { Entry } from '../core/transcript'
import { directionOf, nameOf } from '../core/languages'
import { clock } from '../react/figures'
import { useWords } from '../react/page'
import { useInside } from '../react/session'
import { marked } from './marking'

interface Props {
  entry: Entry
  name: string
  reads: string
  query: string
  isOpen: boolean
  onToggle: () => void
}

export function TranscriptLine({ entry, name, reads, query, isOpen, onToggle }: Props) {
  const words = useWords()
  const { colours } = useInside()
  const original = entry.said[entry.source]?.text
  const translated = reads === entry.source ? undefined : entry.said[reads]?.text
  const others = Object.entries(entry.said).filter(([lang]) => lang !== entry.source && lang !== reads)
  return (
    <article
      className="line"
      data-testid="transcript-line"
      data-id={entry.id}
      data-identity={entry.identity}
      data-colour={colours.of(entry.identity)}
    >
      <header>
        <strong className="line-name">{name}</strong>
        <time className="quiet" dateTime={new Date(entry.at).toISOString()}>
          {clock(words, entry.at)}
        </time>
        <button
          type="button"
          className="line-more"
          aria-expanded={isOpen}
          aria-label={words.transcript.languages}
          onClick={onToggle}
        >
          <ChevronDown aria-hidden size={18} />
        </button>
      </header>
      {original !== undefined && (
        <Text lang={entry.source} text={original} query={query} kind={translated === undefined ? 'main' : 'original'} />
      )}
      {translated !== undefined && <Text lang={reads} text={translated} query={query} kind="main" />}
      {entry.skipped && <p className="quiet line-note">{words.transcript.skipped}</p>}
      {isOpen && (
        <div className="line-others">
          {others.length === 0 && <p className="quiet">{words.transcript.noOthers}</p>}
          {others.map(([lang, said]) => (
            <div key={lang}>
              <span className="quiet">{nameOf(lang, words.tag)}</span>
              <Text lang={lang} text={said.text} query={query} kind="other" />
            </div>
          ))}
        </div>
      )}
    </article>
  )
}

function Text({
  lang,
  text,
  query,
  kind,
}: {
  lang: string
  text: string
  query: string
  kind: 'main' | 'original' | 'other'
}) {
  return (
    <p className="line-text" lang={lang} dir={directionOf(lang)} data-kind={kind} data-lang={lang}>
      {marked(text, query).map((part, at) =>
        part.hit ? <mark key={at}>{part.text}</mark> : <span key={at}>{part.text}</span>,
      )}
    </p>
  )
}
