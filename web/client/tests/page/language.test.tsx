import { cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Api } from '../../src/core/api'
import { memory } from '../../src/core/choices'
import type * as I18n from '../../src/i18n'
import { load } from '../../src/i18n'
import { PageProvider } from '../../src/react/page'
import { InterfaceLanguage } from '../../src/room/InterfaceLanguage'

// The server does not hand out the French words.
vi.mock('../../src/i18n', async (original) => {
  const real = await original<typeof I18n>()
  return { ...real, load: (tag: string) => (tag === 'fr' ? Promise.reject(new TypeError('Failed to fetch')) : real.load(tag)) }
})

const page = () => (
  <PageProvider api={new Api('', () => Promise.reject(new TypeError('no')))}>
    <InterfaceLanguage />
  </PageProvider>
)
const showIn = (language: string) => {
  memory.look.save({ ...memory.look.load(), interface: language })
  return render(page())
}
const field = (container: HTMLElement) => container.querySelector('span')!.textContent

afterEach(cleanup)

describe('the page’s own language', () => {
  it('offers what there are words in, each by its own name', () => {
    showIn('en')

    const names = screen.getAllByRole('option').map((option) => option.textContent)
    expect(names).toEqual(['Automatic', 'Deutsch', 'English', 'Español', 'Français', 'Português'])
  })

  it('changes at once where its words are there', async () => {
    await load('de')
    const { container } = showIn('de')

    expect(field(container)).toBe('Sprache der Seite')
    expect(document.documentElement.lang).toBe('de')
  })

  it('stays until the words of the next one are there', async () => {
    const { container } = showIn('en')

    await userEvent.selectOptions(screen.getByTestId('interface'), 'es')

    await screen.findByText('Idioma de la página')
    expect(field(container)).toBe('Idioma de la página')
    expect(document.documentElement.lang).toBe('es')
  })

  it('stays where the words of the next one don’t come', async () => {
    const { container } = showIn('en')

    await userEvent.selectOptions(screen.getByTestId('interface'), 'fr')
    await expect(load('fr')).rejects.toThrow()

    expect(field(container)).toBe('Language of the page')
    expect(screen.getByTestId<HTMLSelectElement>('interface').value).toBe('fr')
  })
})
