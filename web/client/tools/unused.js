/**
 * Which messages the code never asks for, found by TypeScript: also where a key is computed, its type says which it can
 * be.
 */
import { join } from 'node:path'
import ts from 'typescript'

/**
 * @param {string} root the folder with `tsconfig.json` and `src`
 * @param {string} shape the file with the type of the words
 * @returns {string[]} the paths of messages, like `landing.title`
 */
export function unused(root, shape) {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root,
  )
  const files = ts.sys.readDirectory(join(root, 'src'), ['.ts', '.tsx'])
  const program = ts.createProgram(files, options)
  const asked = askedFor(program, shape)
  return [...leaves(program, shape)].filter(([declared]) => !asked.has(declared)).map(([, path]) => path)
}

/**
 * The declarations of the words' members that some expression takes.
 * @param {ts.Program} program
 * @param {string} shape
 */
function askedFor(program, shape) {
  const checker = program.getTypeChecker()
  /** @type {Set<ts.Node>} */
  const asked = new Set()
  /** @param {ts.Symbol | undefined} symbol */
  const note = (symbol) =>
    symbol?.declarations?.forEach((one) => (one.getSourceFile().fileName === shape ? asked.add(one) : undefined))
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isPropertyAccessExpression(node)) note(checker.getSymbolAtLocation(node.name))
    if (ts.isElementAccessExpression(node)) {
      const [type, key] = [
        checker.getTypeAtLocation(node.expression),
        checker.getTypeAtLocation(node.argumentExpression),
      ]
      for (const one of key.isUnion() ? key.types : [key]) if (one.isStringLiteral()) note(type.getProperty(one.value))
    }
    if (ts.isBindingElement(node))
      note(checker.getTypeAtLocation(node.parent).getProperty((node.propertyName ?? node.name).getText()))
    ts.forEachChild(node, visit)
  }
  for (const file of program.getSourceFiles()) if (!file.isDeclarationFile && file.fileName !== shape) visit(file)
  return asked
}

/**
 * Every message's declaration, with its path; the language's tag is none.
 * @param {ts.Program} program
 * @param {string} shape
 */
function leaves(program, shape) {
  /** @type {Map<ts.Node, string>} */
  const found = new Map()
  /** @param {ts.Node} node @param {string[]} path @returns {void} */
  const visit = (node, path) => {
    if (!ts.isPropertySignature(node)) return ts.forEachChild(node, (inner) => visit(inner, path))
    const here = [...path, ts.isStringLiteral(node.name) ? node.name.text : node.name.getText()]
    if (node.type !== undefined && ts.isTypeLiteralNode(node.type)) return visit(node.type, here)
    if (here.join() !== 'tag') found.set(node, here.join('.'))
  }
  const file = program.getSourceFile(shape)
  if (file === undefined) throw new Error(`${shape} is not part of the program.`)
  visit(file, [])
  return found
}
