import { describe, expect, it } from 'vitest'
import { Colours, initials } from '../../src/core/colours'
import { columnsFor, startOf } from '../../src/core/grid'
import { meter } from '../../src/core/level'
import { patch, Store } from '../../src/core/store'
import { marked } from '../../src/room/marking'
import { addressOf, routeOf } from '../../src/route'

describe('tiles', () => {
  it('are as large as they can be', () => {
    expect([1, 2, 3, 4, 9].map((count) => columnsFor(count, 1_200, 700))).toEqual([1, 2, 2, 2, 3])
    expect([1, 2, 3].map((count) => columnsFor(count, 390, 600))).toEqual([1, 1, 1])
    expect(columnsFor(0, 0, 0)).toBe(1)
  })

  it('stand in the middle of a last row that is not full', () => {
    expect([0, 1, 2].map((at) => startOf(at, 3, 2))).toEqual([1, 3, 2])
    expect([0, 1, 2, 3].map((at) => startOf(at, 4, 2))).toEqual([1, 3, 1, 3])
  })
})

describe('voices', () => {
  it('keep their colour, eight of them apart', () => {
    const colours = new Colours()
    const people = Array.from({ length: 9 }, (_, at) => `p${at}`)

    expect(people.map((one) => colours.of(one))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 1])
    expect(colours.of('p2')).toBe(3)
  })

  it('have letters too', () => {
    expect(['Ana García', 'ben', '李 明', '  ', '«Åsa» Ö.'].map(initials)).toEqual(['AG', 'B', '李明', '·', 'ÅÖ'])
  })
})

describe('a store', () => {
  it('tells of changes and of nothing else', () => {
    const store = new Store({ a: 1, b: 2 })
    let told = 0
    const stop = store.subscribe(() => (told += 1))

    patch(store, { a: 1 })
    patch(store, { a: 3 })
    stop()
    patch(store, { a: 4 })

    expect([told, store.get()]).toEqual([1, { a: 4, b: 2 }])
  })
})

describe('a level', () => {
  it('is shown in decibels', () => {
    expect([0, 0.001, 0.0316, 0.316, 1].map((level) => Number(meter(level).toFixed(1)))).toEqual([0, 0, 0.6, 1, 1])
  })
})

describe('what a search found', () => {
  it('is marked in the text as it is written', () => {
    expect(marked('¿Qué más, qué?', 'QUE')).toEqual([
      { text: '¿', hit: false },
      { text: 'Qué', hit: true },
      { text: ' más, ', hit: false },
      { text: 'qué', hit: true },
      { text: '?', hit: false },
    ])
  })

  it('is nothing for nothing', () => {
    expect(marked('<b>x</b>', ' ')).toEqual([{ text: '<b>x</b>', hit: false }])
  })
})

describe('addresses', () => {
  it('name a room, its secret and a talk', () => {
    expect(routeOf('/room/demo', '?talk=es', '#s%20t')).toEqual({
      page: 'room',
      room: 'demo',
      talk: 'es',
      secret: 's t',
    })
    expect(routeOf('/room/a%2Fb/', '', '')).toMatchObject({ room: 'a/b', talk: null })
    expect(['/', '/index.html'].map((path) => routeOf(path, '', '').page)).toEqual(['landing', 'landing'])
    expect(['/nothing', '/room', '/room/', '/room/a/b', '//'].map((path) => routeOf(path, '', '').page)).toEqual(
      Array(5).fill('unknown'),
    )
    expect(routeOf('/room/%E0%A4%A', '', '')).toMatchObject({ room: '%E0%A4%A' })
  })

  it('come from a pasted link of this server only; a name alone opens no room', () => {
    const here = 'https://meet.example'

    expect(addressOf('demo', here)).toBeNull()
    expect(addressOf(' /room/demo#s ', here)).toBe('/room/demo#s')
    expect(addressOf('https://meet.example/room/demo#s3cret', here)).toBe('/room/demo#s3cret')
    expect(addressOf('https://elsewhere.example/room/demo', here)).toBeNull()
    expect(addressOf('two words', here)).toBeNull()
    expect(addressOf('javascript:alert(1)', here)).toBeNull()
    expect(addressOf('', here)).toBeNull()
  })
})
