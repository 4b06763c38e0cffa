/** The first page: what this is, a way to see it work, making and joining rooms. */
import { useEffect, useState, type SyntheticEvent } from 'react'
import '../styles/landing.css'
import { ApiError, TITLE_LIMIT, type Offered } from '../core/api'
import { NOTHING } from '../core/keeps'
import { termsOf } from '../core/terms'
import { sentence } from '../i18n'
import { usePage, useTheme, useTitle } from '../react/page'
import { useTrial } from '../react/trial'
import { InterfaceLanguage } from '../room/InterfaceLanguage'
import { keptSentence } from '../room/Kept'
import { addressOf, go } from '../route'

const SNIPPET = `import { Session } from './dragoman/core'

const session = new Session()
session.onCaption((caption) => show(caption.text, caption.final))
await session.connect(server, token, {
  speaks: 'en', reads: 'es', hears: 'es', also: '',
})`

export function Landing() {
  const { words } = usePage()
  const { landing } = words
  useTheme(false)
  useTitle(null)
  return (
    <div className="landing">
      <header>
        <span className="brand">
          <img src="/icon.svg" alt="" width="28" height="28" /> {words.product}
        </span>
        <InterfaceLanguage />
      </header>
      <main>
        <section className="hero">
          <h1>{landing.title}</h1>
          <p>{landing.lead}</p>
          <Try />
        </section>
        <div className="columns">
          <JoinCard />
          <MakeCard />
        </div>
        <section>
          <h2>{landing.keptHead}</h2>
          <p>{landing.keptText}</p>
        </section>
        <section>
          <h2>{landing.addHead}</h2>
          <p>{landing.addText}</p>
          <pre>
            <code>{SNIPPET}</code>
          </pre>
          <p className="quiet">{landing.addMore}</p>
        </section>
      </main>
    </div>
  )
}

/** The way to see it work; where it is not offered, the way to where it is. */
function Try() {
  const { words } = usePage()
  const { landing } = words
  const { offered, starting, problem, start } = useTrial()
  return (
    <div className="hero-try">
      {offered === false ? (
        <p className="quiet" data-testid="not-offered">
          {words.trial.notHere}
        </p>
      ) : (
        <>
          <button type="button" className="button primary big" onClick={start} aria-busy={starting} data-testid="try">
            {landing.tryButton}
          </button>
          <p className="quiet">{landing.tryText}</p>
        </>
      )}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}

function JoinCard() {
  const { words } = usePage()
  const { landing } = words
  const [text, setText] = useState('')
  const [bad, setBad] = useState(false)
  const join = (event: SyntheticEvent) => {
    event.preventDefault()
    const address = addressOf(text, location.origin)
    setBad(address === null)
    if (address !== null) go(address)
  }
  return (
    <form className="card" onSubmit={join}>
      <h2>{landing.joinHead}</h2>
      <p className="quiet">{landing.joinText}</p>
      <label className="field">
        <span>{landing.joinLabel}</span>
        <input
          value={text}
          onChange={(event) => setText(event.target.value)}
          required
          inputMode="url"
          autoComplete="off"
          data-testid="join-link"
        />
      </label>
      {bad && (
        <p className="problem" role="alert">
          {landing.joinBad}
        </p>
      )}
      <button type="submit" className="button">
        {landing.join}
      </button>
    </form>
  )
}

function MakeCard() {
  const { words, api } = usePage()
  const { landing } = words
  const [title, setTitle] = useState('')
  const [terms, setTerms] = useState('')
  const [secret, setSecret] = useState('')
  const [keep, setKeep] = useState('')
  const offered = usePolicies()
  const policies = [NOTHING, ...offered.policies]
  const kept = keep || offered.default
  const [link, setLink] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const make = async (event: SyntheticEvent) => {
    event.preventDefault()
    const glossary = termsOf(terms)
    setLink(null)
    setProblem(glossary === null ? sentence(words, 'bad_glossary') : null)
    if (glossary === null) return
    try {
      setLink((await api.make(title.trim(), secret, glossary, kept)).join)
      setSecret('')
    } catch (error) {
      setProblem(sentence(words, error instanceof ApiError ? error.code : 'bad_answer'))
    }
  }
  return (
    // Whatever is changed means another room: the link of the last one would be taken for that one's.
    <form className="card" onSubmit={(event) => void make(event)} onChange={() => setLink(null)} data-testid="make">
      <h2>{landing.makeHead}</h2>
      <p className="quiet">{landing.makeText}</p>
      <label className="field">
        <span>{landing.roomTitle}</span>
        <input value={title} onChange={(event) => setTitle(event.target.value)} required maxLength={TITLE_LIMIT} />
      </label>
      <label className="field">
        <span>{landing.terms}</span>
        <textarea
          value={terms}
          onChange={(event) => setTerms(event.target.value)}
          rows={3}
          aria-describedby="terms"
          data-testid="terms"
        />
      </label>
      <p className="quiet" id="terms">
        {landing.termsText}
      </p>
      <label className="field">
        <span>{landing.keptHead}</span>
        <select
          value={kept}
          onChange={(event) => setKeep(event.target.value)}
          aria-describedby="keep"
          data-testid="keep"
        >
          {policies.map((one) => (
            <option key={one.policy} value={one.policy}>
              {keptSentence(words, one)}
            </option>
          ))}
        </select>
      </label>
      <p className="quiet" id="keep">
        {keptSentence(words, policies.find((one) => one.policy === kept) ?? NOTHING)} {landing.keepText}
      </p>
      <label className="field">
        <span>{landing.secret}</span>
        <input
          type="password"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
          required
          autoComplete="off"
        />
      </label>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" className="button">
        {landing.make}
      </button>
      {link && <Made link={link} />}
    </form>
  )
}

/** What may be kept here; nothing but nothing while the server has not said. */
function usePolicies(): Offered {
  const { api } = usePage()
  const [offered, setOffered] = useState<Offered>({ default: NOTHING.policy, policies: [] })
  useEffect(() => {
    let gone = false
    void api.policies().then(
      (found) => (gone ? undefined : setOffered(found)),
      () => undefined,
    )
    return () => {
      gone = true
    }
  }, [api])
  return offered
}

function Made({ link }: { link: string }) {
  const { words } = usePage()
  const [copied, setCopied] = useState(false)
  return (
    <div className="made" role="status">
      <p>{words.landing.made}</p>
      <input
        readOnly
        value={link}
        aria-label={words.landing.joinLabel}
        onFocus={(event) => event.target.select()}
        data-testid="made-link"
      />
      <div className="row">
        <button
          type="button"
          className="button"
          onClick={() => void navigator.clipboard.writeText(link).then(() => setCopied(true))}
        >
          {copied ? words.copied : words.copy}
        </button>
        <a className="button" href={link}>
          {words.landing.open}
        </a>
      </div>
    </div>
  )
}
