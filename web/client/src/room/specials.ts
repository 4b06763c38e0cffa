/** The choices that are no language: find out, same, off, original. */
import type { Words } from '../i18n'
import type { Special } from './LanguagePicker'

export const speakSpecials = ({ language }: Words): Special[] => [
  { id: 'auto', name: language.auto, hint: language.autoHint },
]

export const readSpecials = ({ language }: Words): Special[] => [
  { id: 'same', name: language.same_hear },
  { id: 'off', name: language.off },
]

export const hearSpecials = ({ language }: Words): Special[] => [
  { id: 'original', name: language.original },
  { id: 'same', name: language.same_read },
]
