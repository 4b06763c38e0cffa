import { cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Api } from '../../src/core/api'
import { memory } from '../../src/core/choices'
import type * as I18n from '../../src/i18n'
import { load } from '../../src/i18n'
import { PageProvider } from '../../src/react/page'
import { InterfaceLanguage } from '../../src/room/InterfaceLanguage'

// The server does not hand out the Italian words.
vi.mock('../../src/i18n', async (original) => {
  const real = await original<typeof I18n>()
  return {
    ...real,
    load: (tag: string) => (tag === 'it' ? Promise.reject(new TypeError('Failed to fetch')) : real.load(tag)),
  }
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
    expect(names).toEqual(['Automatic', 'Català', 'Deutsch', 'English', 'Español', 'Français', 'Italiano', 'Português'])
  })

  it('changes at once where its words are there', async () => {
    await load('de')
    const { container } = showIn('de')

    expect(field(container)).toBe('Sprache der Seite')
    expect(document.documentElement.lang).toBe('de')
  })

  it('stays until the words of the next one are there', async () => {
    const { container } = showIn('en')

    await userEvent.selectOptions(screen.getByTestId('interface'), 'ca')

    await screen.findByText('Llengua de la pàgina')
    expect(field(container)).toBe('Llengua de la pàgina')
    expect(document.documentElement.lang).toBe('ca')
  })

  it('stays where the words of the next one don’t come', async () => {
    const { container } = showIn('en')

    await userEvent.selectOptions(screen.getByTestId('interface'), 'it')
    await expect(load('it')).rejects.toThrow()

    expect(field(container)).toBe('Language of the page')
    expect(screen.getByTestId<HTMLSelectElement>('interface').value).toBe('it')
  })
})
