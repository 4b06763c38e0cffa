/** How the pages are built, served while developing, and tested. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { compile, type Messages } from './tools/icu.js'

const server = process.env.DRAGOMAN_WEB ?? 'http://127.0.0.1:8080'

/** Beside each text of the build its compressed twins: the web server sends them to whoever takes them. */
function twins(): Plugin {
  return {
    name: 'twins',
    apply: 'build',
    writeBundle({ dir = 'dist' }) {
      const texts = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\.(js|css|html|svg|json)$/.test(name),
      )
      for (const path of texts.map((name) => join(dir, name))) {
        const text = readFileSync(path)
        writeFileSync(`${path}.br`, brotliCompressSync(text))
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }))
      }
    },
  }
}

/** The pages' words, parsed here and not in the browser: the parser of ICU messages is left out of the build. */
function messages(): Plugin {
  const parser = '@formatjs/icu-messageformat-parser'
  return {
    name: 'messages',
    enforce: 'pre',
    transform: {
      filter: { id: /\/src\/i18n\/[^/]+\.json$/ },
      handler: (text) => JSON.stringify(compile(JSON.parse(text) as Messages)),
    },
    resolveId: {
      filter: { id: new RegExp(`^${parser}$`) },
      handler(id, importer) {
        return importer?.includes('/intl-messageformat/') ? this.resolve(`${id}/no-parser.js`, importer) : null
      },
    },
  }
}

/**
 * While developing, rooms for trying it out. The web server gives them to people's own programs and to no proxy, so a
 * small program asks for each.
 */
function trials(): Plugin {
  const ask =
    'fetch(process.argv[1], { method: process.argv[2] }).then(async (it) => console.log(it.status, await it.text()))'
  return {
    name: 'trials',
    apply: 'serve',
    configureServer({ middlewares }) {
      middlewares.use('/api/trials', ({ method = 'GET' }, response) => {
        execFile(process.execPath, ['--eval', ask, `${server}/api/trials`, method], (error, said) => {
          const status = error ? 502 : Number(said.slice(0, 3))
          response.writeHead(status, { 'Content-Type': 'application/json' }).end(said.slice(4))
        })
      })
    },
  }
}

export default defineConfig({
  plugins: [react(), messages(), twins(), trials()],
  // Nothing inlined: the server's policy takes fonts and pictures from this origin only.
  build: { target: 'es2022', assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 1_000 },
  server: { proxy: { '/api': server } },
  test: {
    restoreMocks: true,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'core', environment: 'node', include: ['tests/core/*.test.ts'] } },
      { extends: true, test: { name: 'page', environment: 'happy-dom', include: ['tests/page/*.test.tsx'] } },
    ],
  },
})
