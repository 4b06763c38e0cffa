/** A searchable list of languages: own names, how well each is served, and the figures behind the word. */
import { BookOpenText, Check, ChevronDown, Ear, MessageCircle, Search } from 'lucide-react'
import { useId, useState } from 'react'
import {
  Autocomplete,
  Button,
  Header,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  ListBoxSection,
  Popover,
  SearchField,
  Select,
  SelectValue,
  Text,
} from 'react-aria-components'
import type { Language } from '../core/api'
import {
  directionOf,
  figuresOf,
  found,
  missing,
  nameOf,
  options,
  plain,
  type Option,
  type Stage,
} from '../core/languages'
import { usePage } from '../react/page'
import { figure } from '../react/figures'
import { Figures } from './Figures'

export interface Special {
  id: string
  name: string
  hint?: string
}

interface Props {
  label: string
  stage: Stage
  value: string
  onChange: (value: string) => void
  languages: readonly Language[]
  specials?: readonly Special[]
  /** Languages spoken here: what reading is judged from. */
  spoken?: readonly string[]
  /** One line: a label inside the button instead of above it. */
  compact?: boolean
  /** What `same` comes to now. */
  same?: string
  testid: string
  isOpen?: boolean
  onOpenChange?: (open: boolean) => void
}

const ICONS = { speak: MessageCircle, read: BookOpenText, hear: Ear }

export function LanguagePicker(props: Props) {
  const {
    label,
    stage,
    value,
    onChange,
    languages,
    specials = [],
    spoken,
    compact = false,
    same,
    testid,
    isOpen,
    onOpenChange,
  } = props
  const { words, browser } = usePage()
  const [figured, setFigured] = useState(false)
  const [what, chosen] = [useId(), useId()]
  const [query, setQuery] = useState('')
  const all = found(options(languages, stage, browser, words.tag, spoken), query)
  const special = specials.find((one) => one.id === value)?.name
  const followed = value === 'same' && same ? nameOf(same) : null
  const shown = followed
    ? compact
      ? followed
      : words.language.same({ language: followed })
    : (special ?? (value ? nameOf(value) : '…'))
  const language = languages.find((one) => one.tag === value)
  // Languages were found already, in their order; a choice that is none is looked for by its words.
  const find = (text: string, typed: string) =>
    all.some((one) => one.tag === text) || plain(text).includes(plain(typed.trim()))
  const Icon = ICONS[stage]
  const select = (
    <Select
      className={compact ? 'picker compact' : 'picker'}
      value={value}
      onChange={(key) => key !== null && onChange(String(key))}
      disabledKeys={all.filter((option) => option.grade === null).map((option) => option.tag)}
      aria-label={compact ? label : undefined}
      data-testid={testid}
      isOpen={isOpen}
      onOpenChange={(open) => {
        setQuery('')
        onOpenChange?.(open)
      }}
    >
      {!compact && <Label>{label}</Label>}
      {/* Called as it looks: what it is for, then what is chosen. */}
      <Button className="picker-button" data-value={value} aria-labelledby={compact ? `${what} ${chosen}` : undefined}>
        {compact && (
          <>
            <Icon aria-hidden size={18} className="picker-icon" />
            <span className="picker-what" id={what}>
              {label}
            </span>{' '}
          </>
        )}
        <SelectValue className="picker-value" lang={language ? value : undefined}>
          {() => <span id={chosen}>{shown}</span>}
        </SelectValue>
        <ChevronDown aria-hidden size={18} />
      </Button>
      <Popover className="popover picker-popover" offset={4}>
        <Autocomplete filter={find} inputValue={query} onInputChange={setQuery}>
          {/* The list was just opened to choose from it: typing finds at once. */}
          {/* eslint-disable-next-line jsx-a11y/no-autofocus */}
          <SearchField className="picker-search" aria-label={words.search} autoFocus>
            <Search aria-hidden size={18} />
            <Input placeholder={words.search} />
          </SearchField>
          <ListBox
            className="picker-list"
            data-testid={`${testid}-list`}
            renderEmptyState={() => <p className="quiet pad">{words.nothingFound}</p>}
          >
            {/* Who types looks for a language: “de” is Deutsch before it is “Detect”. */}
            {specials.length > 0 && (query === '' || all.length === 0) && (
              <ListBoxSection aria-label={label}>
                {specials.map((one) => (
                  <ListBoxItem key={one.id} id={one.id} textValue={one.name} className="picker-item" data-tag={one.id}>
                    <Row name={one.name} hint={one.hint} />
                  </ListBoxItem>
                ))}
              </ListBoxSection>
            )}
            <ListBoxSection>
              <Header className="visually-hidden">{label}</Header>
              {all.map((option) => (
                <Item key={option.tag} option={option} stage={stage} languages={languages} figured={figured} />
              ))}
            </ListBoxSection>
          </ListBox>
        </Autocomplete>
        <Button slot={null} className="picker-foot" onPress={() => setFigured(!figured)}>
          {figured ? words.language.hideFigures : words.language.showFigures}
        </Button>
      </Popover>
    </Select>
  )
  if (compact) return select
  return (
    <div className="picker-field">
      {select}
      {language && <Figures language={language} stage={stage} spoken={spoken} />}
    </div>
  )
}

function Item({
  option,
  stage,
  languages,
  figured,
}: {
  option: Option
  stage: Stage
  languages: readonly Language[]
  figured: boolean
}) {
  const { words } = usePage()
  const language = languages.find((one) => one.tag === option.tag)
  const figures = figured && language ? figuresOf(language, stage) : []
  const local = option.local === option.name ? undefined : option.local
  const word =
    option.grade === null
      ? words.language.reason[missing(language, stage)]
      : option.onlySpoken
        ? words.language.onlySpoken
        : words.language.grade[option.grade]
  return (
    // The text to search is the tag: `find` looks the option up by it and knows both names.
    <ListBoxItem id={option.tag} textValue={option.tag} className="picker-item" data-tag={option.tag}>
      <Row
        name={option.name}
        tag={option.tag}
        hint={local}
        word={word}
        grade={option.onlySpoken ? 'unmeasured' : (option.grade ?? 'none')}
      />
      {figures.length > 0 && (
        <Text slot="description" className="picker-figures">
          {figures.slice(0, 4).map(({ from, quality }) => (
            <span key={from ?? ''}>{figure(words, quality, from)}</span>
          ))}
        </Text>
      )}
    </ListBoxItem>
  )
}

function Row({
  name,
  tag,
  hint,
  word,
  grade,
}: {
  name: string
  tag?: string
  hint?: string | undefined
  word?: string
  grade?: string
}) {
  return (
    // What is shown is what it is called, each part in its own language.
    <Text slot="label" className="picker-row">
      <Check className="picker-check" aria-hidden size={16} />
      <span className="picker-name" lang={tag} dir={tag ? directionOf(tag) : undefined}>
        {name}
      </span>{' '}
      {hint && <span className="picker-hint">{hint}</span>}{' '}
      {word && (
        <span className="grade" data-grade={grade}>
          {word}
        </span>
      )}
    </Text>
  )
}
