/** How it is interpreted: engines, delays, routes, and what is kept. */
import { useEffect, useState } from 'react'
import { Heading } from 'react-aria-components'
import type { RoomInfo } from '../core/api'
import { nameWithin } from '../core/languages'
import { number } from '../react/figures'
import { useKept } from '../react/kept'
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { keptSentence } from './Kept'

const STAGES = ['recognise', 'direct', 'translate', 'speak'] as const
const AGAIN = 5_000

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
  const dropped = Object.entries(session.door.counts.dropped).reduce((sum, [why, count]) => (why === 'early' ? sum : sum + count), 0)
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
                <strong>{engine?.engine ?? words.details.noEngine}</strong>
                {delay !== undefined && <span> · {words.details.seconds(number(words, delay, delay < 0.1 ? 2 : 1))}</span>}
                {engine?.why && <span className="quiet block">{engine.why}</span>}
                {engine?.licence && <span className="quiet block">{words.details.licence(engine.licence)}</span>}
              </dd>
            </div>
          )
        })}
        {routes.length > 0 && (
          <div>
            <dt>{words.details.routes}</dt>
            {routes.map(([from, route]) => (
              <dd key={from}>
                {words.language.from(nameWithin(from, words.tag))} · {route}
              </dd>
            ))}
          </div>
        )}
        {interpreter && interpreter.languages.length > 0 && (
          <div>
            <dt>{words.details.spoken}</dt>
            <dd>{new Intl.ListFormat(words.tag).format(interpreter.languages.map((tag) => nameWithin(tag, words.tag)))}</dd>
          </div>
        )}
        <div>
          <dt>{words.details.kept}</dt>
          <dd>{keptSentence(words, keeps)}</dd>
        </div>
      </dl>
      {Object.keys(served?.delays ?? {}).length > 0 && <p className="quiet">{words.details.delays}</p>}
      {dropped > 0 && <p className="quiet">{words.details.dropped(dropped)}</p>}
    </div>
  )
}
