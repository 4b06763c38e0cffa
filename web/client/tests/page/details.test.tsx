import { RoomContext } from '@livekit/components-react'
import { cleanup, render, screen } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Api, type RoomInfo } from '../../src/core/api'
import { memory } from '../../src/core/choices'
import { Colours } from '../../src/core/colours'
import { Session } from '../../src/core/session'
import { load } from '../../src/i18n'
import { PageProvider } from '../../src/react/page'
import { InsideContext } from '../../src/react/session'
import { Details } from '../../src/room/Details'

const info: RoomInfo = {
  room: 'demo',
  title: 'Demo',
  keeps: { policy: 'nothing', redaction: 'off' },
  secret_needed: false,
  people: 1,
  interpreter: 'listening',
  languages: [],
  engines: {
    recognise: { engine: 'whisper-base', licence: 'MIT', leaves: {} },
    translate: {
      engine: 'deepl.Translator',
      licence: 'deepl.Translator: the terms of api.deepl.example; plugin',
      leaves: { 'deepl.Translator': 'api.deepl.example' },
    },
    speak: {
      engine: 'piper+espeak-ng',
      licence: 'GPL-3.0-or-later, in a process of its own; each voice has its own licence',
      leaves: {},
    },
  },
}

afterEach(cleanup)

describe('the details', () => {
  it.each([
    ['en', 'Whisper is an open model', 'leaves this server for api.deepl.example', 'licence: GPL-3.0-or-later'],
    [
      'de',
      'Whisper ist ein offenes Modell',
      'verlässt diesen Server und geht an api.deepl.example',
      'Lizenz: GPL-3.0-or-later',
    ],
    [
      'es',
      'Whisper es un modelo abierto',
      'sale de este servidor hacia api.deepl.example',
      'licencia: GPL-3.0-or-later',
    ],
    ['fr', 'Whisper est un modèle ouvert', 'quitte ce serveur pour api.deepl.example', 'licence : GPL-3.0-or-later'],
    ['it', 'Whisper è un modello aperto', 'lascia questo server e va a api.deepl.example', 'licenza: GPL-3.0-or-later'],
    [
      'ca',
      'Whisper és un model obert',
      'surt d’aquest servidor cap a api.deepl.example',
      'llicència: GPL-3.0-or-later',
    ],
    ['pt', 'O Whisper é um modelo aberto', 'sai deste servidor para api.deepl.example', 'licença: GPL-3.0-or-later'],
  ])('say in %s what the engines are, and where what is said goes', async (language, about, leaves, licence) => {
    memory.look.save({ ...memory.look.load(), interface: language })
    await load(language)
    const session = new Session()
    const api = new Api('', () => Promise.reject(new TypeError('no')))
    vi.spyOn(session, 'refresh').mockResolvedValue(undefined)

    render(
      <PageProvider api={api}>
        <InsideContext value={{ session, info, colours: new Colours(), talk: null }}>
          <RoomContext value={session.room}>
            <Details />
          </RoomContext>
        </InsideContext>
      </PageProvider>,
    )

    const said = screen.getByTestId('details').textContent
    for (const part of ['Whisper base', 'Piper, eSpeak NG', 'deepl.Translator', about, leaves, licence])
      expect(said).toContain(part)
    expect(said).not.toContain('process of its own')
    await session.close()
  })
})
