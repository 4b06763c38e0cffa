/** Captions over the stage: at most two lines a language for each voice, in place, with the speaker's name. */
import { useCallback } from 'react'
import type { Row, Token } from '../core/breaking'
import { directionOf } from '../core/languages'
import type { Shown } from '../core/screen'
import type { Frame } from '../core/wire'
import { FLAT, useMatch } from '../react/media'
import { usePage } from '../react/page'
import { useBoard, useInside } from '../react/session'
import { useSize } from '../react/size'
import { useNames } from './names'

const SIZES = [16, 19, 23, 29, 36]
/** A letter is about half as wide as it is tall. */
const LETTER = 0.56
const PADDING = 32

export function Captions({ reads, also }: { reads: string; also: string }) {
  const { session } = useInside()
  const { look } = usePage()
  const [follow, { width }] = useSize()
  const flat = useMatch(FLAT)
  const px = sizeFor(look.size, flat || (width > 0 && width < 560))
  const limit = Math.max(16, Math.min(42, Math.floor((width - PADDING) / (px * LETTER))))
  const slots = also ? 1 : 2
  const takesRead = useCallback((frame: Frame) => frame.lang === reads, [reads])
  const takesAlso = useCallback(
    (frame: Frame) => frame.lang !== reads && (also === 'original' ? frame.lang === frame.source : frame.lang === also),
    [reads, also],
  )
  const first = useBoard(session, slots, limit, takesRead)
  const second = useBoard(session, slots, limit, takesAlso)
  const voices = [...first, ...second.filter((one) => !first.some((other) => other.key === one.key))]
  return (
    <div
      className="captions"
      ref={follow}
      data-position={look.position}
      data-testid="captions"
      aria-hidden
      data-second={also !== ''}
      style={
        {
          '--caption-size': `${px}px`,
          '--caption-columns': limit,
          '--caption-dark': `${look.backdrop}%`,
        } as React.CSSProperties
      }
    >
      {voices.slice(0, slots).map((voice) => (
        <Voice
          key={voice.key}
          voice={voice}
          second={also ? second.find((one) => one.key === voice.key && one !== voice) : undefined}
        />
      ))}
    </div>
  )
}

/** The five steps, a little smaller on a small screen, never under 16. */
function sizeFor(step: number, small: boolean): number {
  const px = SIZES[step - 1] ?? 23
  return small ? Math.max(16, Math.round(px * 0.8)) : px
}

function Voice({ voice, second }: { voice: Shown; second: Shown | undefined }) {
  const { colours } = useInside()
  const nameOf = useNames()
  return (
    <div className="caption" data-colour={colours.of(voice.identity)}>
      <p className="caption-name">{nameOf(voice.identity, voice.speaker)}</p>
      <Lines voice={voice} />
      {second && <Lines voice={second} second />}
    </div>
  )
}

function Lines({ voice, second = false }: { voice: Shown; second?: boolean }) {
  return (
    <div className="caption-lines" lang={voice.lang} dir={directionOf(voice.lang)} data-second={second}>
      {voice.rows.map(({ number, row }) => (
        <p
          key={number}
          className="caption-line"
          data-testid="caption-line"
          data-id={row.at(-1)?.id}
          data-ids={[...new Set(row.map((token) => token.id))].join(' ')}
          data-final={row.every((token) => token.settled)}
          data-lang={voice.lang}
          data-identity={voice.identity}
        >
          {runs(row).map((run, at) => (
            <span key={at} data-settled={run.settled}>
              {run.text}
            </span>
          ))}
        </p>
      ))}
    </div>
  )
}

/** Neighbouring words of the same weight in one piece. */
function runs(row: Row): { text: string; settled: boolean }[] {
  const result: { text: string; settled: boolean }[] = []
  row.forEach((token: Token, at) => {
    const text = at === 0 ? token.text : token.gap + token.text
    const last = result.at(-1)
    if (last?.settled === token.settled) last.text += text
    else result.push({ text, settled: token.settled })
  })
  return result
}
