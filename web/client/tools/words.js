/**
 * Checks the pages' words: every language's file against the English one, and both against the code.
 *
 *     node tools/words.js            # what `npm run lint` and `npm run build` do first
 *     node tools/words.js --write    # `npm run words`: writes the words' type anew, then checks
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { differences, typed } from './icu.js'
import { unused } from './unused.js'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'src', 'i18n')
const shape = join(folder, 'words.ts')

/** @param {string} tag */
const read = (tag) =>
  /** @type {import('./icu.js').Messages} */ (JSON.parse(readFileSync(join(folder, `${tag}.json`), 'utf8')))

const english = read('en')
const others = readdirSync(folder).flatMap((name) =>
  name.endsWith('.json') && name !== 'en.json' ? [name.slice(0, -'.json'.length)] : [],
)
const type = typed(english)
if (process.argv.includes('--write')) writeFileSync(shape, type)

const problems = [
  ...others.flatMap((tag) => differences(english, read(tag)).map((what) => `${tag}.json: ${what}`)),
  ...(readFileSync(shape, 'utf8') === type ? [] : ['words.ts is not as en.json says: npm run words']),
  ...unused(root, shape).map((path) => `en.json: nothing shows ${path}`),
]
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exitCode = 1
}
