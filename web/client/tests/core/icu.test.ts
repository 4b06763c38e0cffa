import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compile, differences, typed } from '../../tools/icu'
import { unused } from '../../tools/unused'
import { wordsOf } from '../../src/i18n/message'

const english = {
  close: 'Close',
  room: {
    from: '{initial, select, other {from {language}}}',
    lines: '{count, plural, one {# line} other {# lines}}',
    lead: 'See <link>the page</link>.',
  },
}
const german = {
  close: 'Schließen',
  room: {
    from: 'aus {language}',
    lines: '{count, plural, one {# Zeile} other {# Zeilen}}',
    lead: '<link>Die Seite</link> ansehen.',
  },
}
const inRoom = (change: Partial<typeof german.room>) => ({ ...german, room: { ...german.room, ...change } })

describe('a language’s file', () => {
  it('that says what the English one says differs in nothing', () => {
    expect(differences(english, german)).toEqual([])
  })

  it('is told what it lacks and what it has too much', () => {
    expect(differences(english, { close: 'Schließen', shut: 'Zu', room: { from: 'aus {language}' } })).toEqual([
      'room.lines is missing',
      'room.lead is missing',
      'shut is not in English',
    ])
  })

  it.each([
    [{ from: 'aus' }, 'room.from: lacks {language}'],
    [{ from: 'aus {langauge}' }, 'room.from: lacks {language}', 'room.from: English has no {langauge}'],
    [{ from: '{language, plural, other {#}}' }, 'room.from: {language} is number, in English text'],
    // A straight apostrophe before a brace makes it a letter.
    [{ from: "dall'{language}" }, 'room.from: lacks {language}'],
    [{ lines: 'Zeilen' }, 'room.lines: lacks {count}'],
    [{ lead: 'Die Seite ansehen.' }, 'room.lead: lacks {link}'],
    [{ lead: '<b>Die Seite</b> ansehen.' }, 'room.lead: lacks {link}', 'room.lead: English has no {b}'],
    [{ lead: '' }, 'room.lead: is empty'],
  ])('with %j is refused', (change, ...problems) => {
    expect(differences(english, inRoom(change))).toEqual(problems)
  })

  it.each([
    [{ lines: '{count, plural, one {# Zeile}}' }],
    [{ lines: '{count' }],
    [{ lead: '<link>Die Seite ansehen.' }],
  ])('with %j is refused as no ICU message', (change) => {
    expect(differences(english, inRoom(change))).toEqual([expect.stringContaining('is no ICU message')])
  })

  it('needs no plural where its language has none', () => {
    expect(differences(english, inRoom({ lines: '{count} 行' }))).toEqual([])
  })
})

describe('messages', () => {
  it('that are none are named by the build', () => {
    expect(() => compile({ room: { lines: '{count, plural, one {# line}}' } })).toThrow(
      '“{count, plural, one {# line}}” is no ICU message: MISSING_OTHER_CLAUSE',
    )
  })

  it('are texts where nothing is put in, and parsed else', () => {
    const { close, room } = compile(english) as { close: unknown; room: Record<string, unknown> }

    expect(close).toBe('Close')
    expect(Object.values(room).every(Array.isArray)).toBe(true)
  })

  it('become words by the rules of their language', () => {
    const words = wordsOf(
      'pl',
      compile({ lines: '{count, plural, one {# linia} few {# linie} other {# linii}}' }),
    ) as unknown as { lines: (values: { count: number }) => string }

    expect([1, 3, 5].map((count) => words.lines({ count }))).toEqual(['1 linia', '3 linie', '5 linii'])
  })

  it('have a type that asks for what is put in', () => {
    expect(typed({ 'a-b': '{name}', room: english.room })).toContain(
      [
        "  'a-b': (values: { name: string | number }) => string",
        '  room: {',
        '    from: (values: { initial: string | number; language: string | number }) => string',
        '    lines: (values: { count: number }) => string',
        '    lead: (values: { link: (inner: string[]) => string }) => string',
        '  }',
      ].join('\n'),
    )
  })
})

describe('a message that nothing shows', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'words-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function code(files: Record<string, string>) {
    for (const [name, text] of Object.entries({
      'tsconfig.json': '{"compilerOptions": {"strict": true, "noLib": true, "types": []}}',
      ...files,
    })) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), text)
    }
    return unused(root, join(root, 'src', 'words.ts'))
  }

  it('is found, whichever way the others are asked for', () => {
    const words = typed({
      close: 'a',
      copy: 'a',
      room: { mute: 'a', leave: 'a', gone: 'a' },
      state: { on: 'a', off: 'a', 'half-on': 'a', broken: 'a' },
    })
    const asking = `
      import type { Words } from './words'
      export function show(words: Words, at: 'on' | 'off', same: 'half-on') {
        const { room: { mute }, close: shut } = words
        const { room } = words
        return [mute, shut, room.leave, words.state[at], words.state[same]]
      }`

    expect(code({ 'src/words.ts': words, 'src/show.ts': asking })).toEqual(['copy', 'room.gone', 'state.broken'])
  })
})
