/**
 * ICU messages while building: what each is given, how it is compiled, and where a translation differs from English.
 */
import { parse, TYPE } from '@formatjs/icu-messageformat-parser'

/** @typedef {import('@formatjs/icu-messageformat-parser').MessageFormatElement} Element */
/** @typedef {{ [key: string]: string | Messages }} Messages a language's file */
/** @typedef {{ [key: string]: string | Element[] | Compiled }} Compiled what the browser gets */
/** @typedef {'text' | 'number' | 'date' | 'tag'} Kind */
/** @typedef {{ kind: Kind, told: boolean }} Parameter `told` is false where a message only selects by it */

/** @type {Partial<Record<TYPE, Kind>>} */
const KINDS = {
  [TYPE.argument]: 'text',
  [TYPE.select]: 'text',
  [TYPE.number]: 'number',
  [TYPE.plural]: 'number',
  [TYPE.date]: 'date',
  [TYPE.time]: 'date',
  [TYPE.tag]: 'tag',
}

/**
 * Messages by their paths, like `landing.title`.
 * @param {Messages} messages
 * @returns {Map<string, string>}
 */
export function flat(messages) {
  return new Map(
    Object.entries(messages).flatMap(([key, message]) =>
      typeof message === 'string'
        ? [[key, message]]
        : [...flat(message)].map(([path, text]) => [`${key}.${path}`, text]),
    ),
  )
}

/**
 * A message parsed; which one it is stands in the error where it is none.
 * @param {string} text
 * @returns {Element[]}
 */
function read(text) {
  try {
    return parse(text)
  } catch (error) {
    throw new SyntaxError(`“${text}” is no ICU message: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/**
 * What a message is given, by name.
 * @param {string} text
 * @returns {Map<string, Parameter>}
 */
export function parameters(text) {
  /** @type {Map<string, Parameter>} */
  const found = new Map()
  for (const element of everyElement(read(text))) {
    const kind = KINDS[element.type]
    if (element.type === TYPE.pound || kind === undefined) continue
    const before = found.get(element.value)
    found.set(element.value, {
      // A number may be printed as it is beside its plural.
      kind: kind === 'text' ? (before?.kind ?? kind) : kind,
      told: (before?.told ?? false) || element.type !== TYPE.select,
    })
  }
  return found
}

/**
 * @param {Element[]} elements
 * @returns {Generator<Element>}
 */
function* everyElement(elements) {
  for (const element of elements) {
    yield element
    if (element.type === TYPE.tag) yield* everyElement(element.children)
    if (element.type === TYPE.select || element.type === TYPE.plural) {
      for (const option of Object.values(element.options)) yield* everyElement(option.value)
    }
  }
}

/**
 * Where a language's file differs from the English one, in sentences.
 * @param {Messages} english
 * @param {Messages} other
 * @returns {string[]}
 */
export function differences(english, other) {
  const [source, translated] = [flat(english), flat(other)]
  const missing = [...source.keys()].filter((path) => !translated.has(path)).map((path) => `${path} is missing`)
  const rest = [...translated].flatMap(([path, text]) => {
    const original = source.get(path)
    return original === undefined
      ? [`${path} is not in English`]
      : difference(original, text).map((what) => `${path}: ${what}`)
  })
  return [...missing, ...rest]
}

/**
 * @param {string} original
 * @param {string} text
 * @returns {string[]}
 */
function difference(original, text) {
  if (text.trim() === '') return ['is empty']
  const given = parameters(original)
  let used
  try {
    used = parameters(text)
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
  // What English only selects by, a language without such forms leaves out.
  const missing = [...given].filter(([name, { told }]) => told && !used.has(name)).map(([name]) => `lacks {${name}}`)
  const wrong = [...used].flatMap(([name, { kind }]) => {
    const wanted = given.get(name)?.kind
    if (wanted === undefined) return [`English has no {${name}}`]
    return kind === wanted || (kind === 'text' && wanted === 'number')
      ? []
      : [`{${name}} is ${kind}, in English ${wanted}`]
  })
  return [...missing, ...wrong]
}

/**
 * Messages without parameters as plain texts, the others parsed.
 * @param {Messages} messages
 * @returns {Compiled}
 */
export function compile(messages) {
  return Object.fromEntries(
    Object.entries(messages).map(([key, message]) => [
      key,
      typeof message === 'string' ? compiled(message) : compile(message),
    ]),
  )
}

/** @param {string} text */
function compiled(text) {
  const elements = read(text)
  const [first, ...more] = elements
  return first?.type === TYPE.literal && more.length === 0 ? first.value : elements
}

/** @type {Record<Kind, string>} */
const TYPES = { text: 'string | number', number: 'number', date: 'Date | number', tag: '(inner: string[]) => string' }

/**
 * The type of the words that messages make, as TypeScript.
 * @param {Messages} messages
 * @returns {string}
 */
export function typed(messages) {
  return [
    '/** What the pages say, by the messages in `en.json`; `npm run words` writes this file. */',
    'export interface Words {',
    '  /** The language: the name of its file. */',
    '  tag: string',
    ...members(messages, '  '),
    '}',
    '',
  ].join('\n')
}

/**
 * @param {Messages} messages
 * @param {string} indent
 * @returns {string[]}
 */
function members(messages, indent) {
  return Object.entries(messages).flatMap(([key, message]) => {
    const name = /^[A-Za-z_]\w*$/.test(key) ? key : `'${key}'`
    if (typeof message !== 'string') return [`${indent}${name}: {`, ...members(message, `${indent}  `), `${indent}}`]
    const values = [...parameters(message)].map(([one, { kind }]) => `${one}: ${TYPES[kind]}`)
    return [`${indent}${name}: ${values.length === 0 ? 'string' : `(values: { ${values.join('; ')} }) => string`}`]
  })
}
