/** Start the pages. */
import '@livekit/components-styles/components'
import './styles/fonts.css'
import './styles/tokens.css'
import './styles/base.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { memory } from './core/choices'
import { load, tagFor } from './i18n'

const start = () =>
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )

// The first screen is drawn once, in its language; in English if its words don't come.
void load(tagFor(memory.look.load().interface, navigator.languages)).then(start, start)
