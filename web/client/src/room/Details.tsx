/** How it is interpreted: engines, delays, routes, and what is kept. */
import { useEffect, useState } from 'react'
import { Heading } from 'react-aria-components'
import type { Engine, RoomInfo } from '../core/api'
import { licenceOf, partsOf } from '../core/engines'
import { named, nameWithin } from '../core/languages'
import { number } from '../react/figures'
import { useKept } from '../react/kept'
import { usePage, useWords } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { keptSentence } from './Kept'

const STAGES = ['recognise', 'direct', 'translate', 'speak'] as const
const AGAIN = 5_000
type Stage = (typeof STAGES)[number]

export function Details() {
  const { words, api } = usePage()
  const { session, info: first } = useInside()
  const { served, interpreter } = useStatus()
  const [info, setInfo] = useState<RoomInfo>(first)
  const keeps = useKept()
  useEffect(() => {
    const ask = () => {
      void session.refresh()
      void api.room(first.room).then(setInfo, () => undefined)
    }
    ask()
    const timer = setInterval(ask, AGAIN)
    return () => clearInterval(timer)
  }, [api, session, first.room])
  const dropped = Object.entries(session.verifier.counts.dropped).reduce(
    (sum, [why, count]) => (why === 'early' ? sum : sum + count),
    0,
  )
  const now = interpreter?.languages ?? []
  const routes = Object.entries(served?.routes ?? {}).filter(([from]) => now.length === 0 || now.includes(from))
  return (
    <div data-testid="details">
      <Heading slot="title">{words.details.title}</Heading>
      <dl>
        {STAGES.map((stage) => {
          const engine = info.engines?.[stage]
          const delay = served?.delays[stage]
          return (
            <div key={stage}>
              <dt>{words.details[stage]}</dt>
              <dd>
                <strong>
                  {engine
                    ? partsOf(engine.engine)
                        .map(({ name }) => name)
                        .join(', ')
                    : words.details.noEngine}
                </strong>
                {delay !== undefined && (
                  <span> · {words.details.seconds({ seconds: number(words, delay, delay < 0.1 ? 2 : 1) })}</span>
                )}
                {engine && <AboutEngine engine={engine} stage={stage} />}
              </dd>
            </div>
          )
        })}
        {routes.length > 0 && (
          <div>
            <dt>{words.details.routes}</dt>
            {routes.map(([from, route]) => (
              <dd key={from}>
                {words.language.from(named(from, words.tag))} · {route}
              </dd>
            ))}
          </div>
        )}
        {interpreter && interpreter.languages.length > 0 && (
          <div>
            <dt>{words.details.spoken}</dt>
            <dd>
              {new Intl.ListFormat(words.tag).format(interpreter.languages.map((tag) => nameWithin(tag, words.tag)))}
            </dd>
          </div>
        )}
        <div>
          <dt>{words.details.kept}</dt>
          <dd>{keptSentence(words, keeps)}</dd>
        </div>
      </dl>
      {Object.keys(served?.delays ?? {}).length > 0 && <p className="quiet">{words.details.delays}</p>}
      {dropped > 0 && <p className="quiet">{words.details.dropped({ count: dropped })}</p>}
    </div>
  )
}

/** What the engines of a stage are, for whom what is said leaves this server, and the licences. */
function AboutEngine({ engine, stage }: { engine: Engine; stage: Stage }) {
  const { details } = useWords()
  const known = [...new Set(partsOf(engine.engine).flatMap(({ known }) => known ?? []))]
  const about =
    stage === 'direct' && known.includes('whisper')
      ? [details.direct_whisper]
      : known.map((name) => details.engines[name])
  const { names, noncommercial } = licenceOf(engine.licence ?? '')
  return (
    <>
      {about.map((text) => (
        <span key={text} className="quiet block">
          {text}
        </span>
      ))}
      {[...new Set(Object.values(engine.leaves))].map((host) => (
        <strong key={host} className="block" data-testid="leaves">
          {details.leaves({ host })}
        </strong>
      ))}
      {names.length > 0 && (
        <span className="quiet block">
          {details.licence({ names: [...names, ...(noncommercial ? [details.noncommercial] : [])].join(', ') })}
        </span>
      )}
    </>
  )
}
