import { expect, test } from 'vitest'
import { termsOf } from '../../src/core/terms'

test('a line of its own is a name, and empty lines are nothing', () => {
  expect(termsOf(' Ana Sintra \n\n  \nDragoman\r\n')).toEqual([{ term: 'Ana Sintra' }, { term: 'Dragoman' }])
  expect(termsOf('')).toEqual([])
})

test('a term says what it is called in some languages', () => {
  expect(termsOf('board = es: junta directiva, pt-BR:conselho')).toEqual([
    { term: 'board', translations: { es: 'junta directiva', 'pt-BR': 'conselho' } },
  ])
})

test.each([
  '= es: junta',
  'board =',
  'board = junta',
  'board = es:',
  'board = es: junta, conseil',
  'Ana\nboard = junta',
])('what is neither is refused whole: %j', (text) => {
  expect(termsOf(text)).toBeNull()
})
