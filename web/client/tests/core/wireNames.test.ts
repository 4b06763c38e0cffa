import { expect, test } from 'vitest'
import golden from '../../../../tests/data/wire-names.json'
import {
  ATTRIBUTE,
  CAPTIONS_TOPIC,
  CAPTIONS_TRACK,
  CUES_TOPIC,
  DUB_TRACK,
  INTERPRETER,
  METHOD,
} from '../../src/core/wireNames'

test('names on the wire are those that the agent has', () => {
  expect(INTERPRETER).toBe(golden.interpreter)
  expect([CAPTIONS_TRACK, CAPTIONS_TOPIC, DUB_TRACK, CUES_TOPIC].map((start) => `${start}es`)).toEqual([
    golden.captions_track,
    golden.captions_topic,
    golden.dub_track,
    golden.cues_topic,
  ])
  expect(golden.attributes).toEqual(expect.arrayContaining(Object.values(ATTRIBUTE)))
  expect(golden.methods).toEqual(expect.arrayContaining(Object.values(METHOD)))
})
