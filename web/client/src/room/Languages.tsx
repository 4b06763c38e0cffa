/** What one speaks, hears and reads: side by side where there is room, else behind one button. */
import { BookOpenText, ChevronDown, Ear, Volume2 } from 'lucide-react'
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import type { Choices } from '../core/choices'
import { nameOf } from '../core/languages'
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { LanguagePicker } from './LanguagePicker'
import { hearSpecials, readSpecials, speakSpecials } from './specials'
import { OriginalVolume } from './OriginalVolume'

interface Props {
  choices: Choices
  onChange: (part: Partial<Choices>) => void
  isOpen: boolean
  onOpenChange: (open: boolean) => void
}

export function Languages({ choices, onChange, isOpen, onOpenChange }: Props) {
  const { words } = usePage()
  const { wishes } = useStatus()
  return (
    <div className="controls-group languages">
      <Speak compact choices={choices} onChange={onChange} />
      <Hear compact choices={choices} onChange={onChange} />
      {wishes.hears !== '' && (
        <DialogTrigger>
          <Button className="tool" aria-label={words.room.original}>
            <Volume2 aria-hidden />
          </Button>
          <Popover className="popover pad narrow">
            <Dialog aria-label={words.room.original}>
              <OriginalVolume />
            </Dialog>
          </Popover>
        </DialogTrigger>
      )}
      <Read compact choices={choices} onChange={onChange} isOpen={isOpen} onOpenChange={onOpenChange} />
    </div>
  )
}

/** The same where there is no room: what is heard and read stands on the button. */
export function LanguagesButton({ choices, onChange, isOpen, onOpenChange }: Props) {
  const { words } = usePage()
  const { wishes } = useStatus()
  const hears = wishes.hears ? nameOf(wishes.hears) : words.language.original
  const reads = wishes.reads ? nameOf(wishes.reads) : words.language.off
  return (
    <div className="controls-group languages">
      <DialogTrigger isOpen={isOpen} onOpenChange={onOpenChange}>
        <Button className="picker-button languages-button" data-testid="languages">
          <span className="visually-hidden">
            {words.inside.languages}: {words.room.hear}{' '}
          </span>
          <Ear aria-hidden size={18} />
          <span className="picker-value">{hears}</span>
          <span className="visually-hidden">, {words.room.read} </span>
          <BookOpenText aria-hidden size={18} />
          <span className="picker-value">{reads}</span>
          <ChevronDown aria-hidden size={18} />
        </Button>
        <Popover className="popover pad languages-popover">
          <Dialog aria-label={words.inside.languages} className="languages-dialog">
            <Speak choices={choices} onChange={onChange} />
            <Hear choices={choices} onChange={onChange} />
            {wishes.hears !== '' && <OriginalVolume />}
            <Read choices={choices} onChange={onChange} />
          </Dialog>
        </Popover>
      </DialogTrigger>
    </div>
  )
}

type Part = Pick<Props, 'choices' | 'onChange'> & { compact?: boolean }

function Speak({ choices, onChange, compact = false }: Part) {
  const { words } = usePage()
  const { info } = useInside()
  const label = compact ? words.inside.speak : words.prejoin.speak
  return (
    <LanguagePicker
      compact={compact}
      label={label}
      stage="speak"
      value={choices.speaks}
      onChange={(speaks) => onChange({ speaks })}
      languages={info.languages}
      specials={speakSpecials(words)}
      testid="speak"
    />
  )
}

function Hear({ choices, onChange, compact = false }: Part) {
  const { words } = usePage()
  const { info } = useInside()
  const { wishes } = useStatus()
  const label = compact ? words.room.hear : words.prejoin.hear
  return (
    <LanguagePicker
      compact={compact}
      label={label}
      stage="hear"
      value={choices.hears}
      onChange={(hears) => onChange({ hears })}
      languages={info.languages}
      specials={hearSpecials(words)}
      same={wishes.hears}
      testid="hear"
    />
  )
}

function Read({
  choices,
  onChange,
  compact = false,
  isOpen,
  onOpenChange,
}: Part & Partial<Pick<Props, 'isOpen' | 'onOpenChange'>>) {
  const { words } = usePage()
  const { info } = useInside()
  const { wishes, interpreter } = useStatus()
  const spoken = interpreter?.languages.filter((tag) => tag !== wishes.reads) ?? []
  const label = compact ? words.room.read : words.prejoin.read
  return (
    <LanguagePicker
      compact={compact}
      label={label}
      stage="read"
      value={choices.reads}
      onChange={(reads) => onChange({ reads })}
      languages={info.languages}
      specials={readSpecials(words)}
      spoken={spoken}
      same={wishes.reads}
      testid="read"
      {...(isOpen === undefined ? {} : { isOpen })}
      {...(onOpenChange === undefined ? {} : { onOpenChange })}
    />
  )
}
