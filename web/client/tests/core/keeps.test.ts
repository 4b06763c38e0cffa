import { describe, expect, it } from 'vitest'
import type { Keeps } from '../../src/core/api'
import { NOTHING, holding, longest, partsOf } from '../../src/core/keeps'
import { keptSentence, keptShortly } from '../../src/room/Kept'
import { dictionaries } from '../dictionaries'

const end = { days: 30, since: 'end' } as const
const week = { days: 7, since: 'said' } as const
const forever = { days: null, since: 'said' } as const
const keeps = (part: Partial<Keeps>): Keeps => ({ policy: 'some', redaction: 'off', ...part })
const en = dictionaries.en!

describe('what is kept', () => {
  it.each([
    [NOTHING, 'Nothing is kept after this meeting.'],
    [
      keeps({ source: end, translation: end }),
      'What is said and its translations are kept for 30 days after the meeting.',
    ],
    [keeps({ source: week }), 'What is said is kept for 7 days.'],
    [keeps({ source: { days: 1, since: 'end' } }), 'What is said is kept for one day after the meeting.'],
    [keeps({ translation: forever }), 'Translations are kept with no end date.'],
    [
      keeps({ source: week, translation: end }),
      'What is said is kept for 7 days. Translations are kept for 30 days after the meeting.',
    ],
    [
      keeps({ redacted: end, redaction: 'mask' }),
      'What is said is kept for 30 days after the meeting, with personal data masked.',
    ],
    [keeps({ source: week, redaction: 'mask' }), 'What is said is kept for 7 days, with personal data masked.'],
    [
      keeps({ source: end, translation: end, redaction: 'mask' }),
      'What is said and its translations are kept for 30 days after the meeting. Personal data is masked.',
    ],
    [
      keeps({ source: week, redacted: end }),
      'What is said is kept for 7 days. What is said is kept for 30 days after the meeting, with personal data masked.',
    ],
    [keeps({ source: week, redaction: 'tag' }), 'What is said is kept for 7 days.'],
    [keeps({ policy: 'unheard-of' }), 'A transcript is kept under the rule “unheard-of”.'],
  ] as const)('%j is: %s', (kept, sentence) => {
    expect(keptSentence(en, kept)).toBe(sentence)
  })

  it('is said shortly by what stays longest', () => {
    expect(keptShortly(en, NOTHING)).toBe('Nothing is kept')
    expect(keptShortly(en, keeps({ source: week, translation: end }))).toBe('Kept for 30 days after the meeting')
    expect(longest(partsOf(keeps({ source: forever, translation: end })))?.kind).toBe('source')
  })

  it.each(Object.keys(dictionaries))('has its figures in every sentence in %s', (tag) => {
    const words = dictionaries[tag]!

    for (const part of [{ source: end }, { translation: end }, { source: end, translation: end }, { redacted: end }]) {
      expect(keptSentence(words, keeps(part))).toContain('30')
      expect(keptShortly(words, keeps(part))).toContain('30')
    }
  })

  it('is what the interpreter says, and until it is here what was said before joining', () => {
    const known = keeps({ policy: 'minutes-30', source: end })

    expect(holding(known, null)).toBe(known)
    expect(holding(known, 'minutes-30')).toBe(known)
    expect(holding(known, 'nothing')).toBe(NOTHING)
    expect(holding(NOTHING, 'minutes-30')).toBeNull()
  })
})
