/** How the pages are built, served while developing, and tested. */
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const server = process.env.DRAGOMAN_WEB ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
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
