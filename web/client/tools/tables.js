/**
 * A plugin of Prettier for Markdown's tables: aligned where they fit into a line, else with one space around each cell.
 *
 * Prettier itself prints them so only where prose is never wrapped. Where prose is wrapped it pads every cell to the
 * longest of its column, and our longest cells are sentences.
 */
import { parsers, printers as given } from 'prettier/plugins/markdown'

const { mdast } = given

// A parser is printed by the plugin that it comes from.
export { parsers }

/** @type {Record<string, import('prettier').Printer>} */
export const printers = {
  mdast: {
    ...mdast,
    print: (path, options, print, args) =>
      mdast.print(path, path.node.type === 'table' ? { ...options, proseWrap: 'never' } : options, print, args),
  },
}
