/** The honest word beside a language, and the measured figures that it opens. */
import { Button, Dialog, DialogTrigger, Heading, Popover } from 'react-aria-components'
import type { Language } from '../core/api'
import { figuresOf, gradeOf, isOnlySpoken, nameOf, type Stage } from '../core/languages'
import { useWords } from '../react/page'
import { figure, scale } from '../react/figures'

export function Figures({ language, stage, spoken }: { language: Language; stage: Stage; spoken?: readonly string[] }) {
  const words = useWords()
  const grade = gradeOf(language, stage, spoken)
  if (grade === null) return null
  const onlySpoken = stage === 'read' && isOnlySpoken(language)
  const meaning = scale(words, language.grades, onlySpoken ? 'speak' : stage)
  const word = onlySpoken ? words.language.onlySpoken : words.language.grade[grade]
  return (
    <DialogTrigger>
      <Button
        className="grade link"
        data-grade={onlySpoken ? 'unmeasured' : grade}
        aria-label={`${word}: ${words.language.figures}`}
      >
        {word}
      </Button>
      <Popover className="popover pad figures" placement="bottom end">
        <Dialog>
          <Heading slot="title">{`${nameOf(language.tag, words.tag)}: ${words.language.figures}`}</Heading>
          <ul>
            {figuresOf(language, stage).map(({ from, quality }) => (
              <li key={from ?? ''}>
                <span className="grade" data-grade={quality.grade}>
                  {words.language.grade[quality.grade]}
                </span>{' '}
                {figure(words, quality, from)}
              </li>
            ))}
          </ul>
          <p className="quiet">{words.language.explain[onlySpoken ? 'speak' : stage]}</p>
          {meaning && <p className="quiet">{meaning}</p>}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}
