/** The language that the page itself speaks. */
import { nameOf } from '../core/languages'
import { TAGS } from '../i18n'
import { usePage } from '../react/page'

export function InterfaceLanguage() {
  const { words, look, setLook } = usePage()
  return (
    <label className="field">
      <span>{words.settings.interface}</span>
      <select
        value={look.interface}
        onChange={(event) => setLook({ interface: event.target.value })}
        data-testid="interface"
      >
        <option value="">{words.settings.auto}</option>
        {TAGS.map((tag) => (
          <option key={tag} value={tag} lang={tag}>
            {nameOf(tag)}
          </option>
        ))}
      </select>
    </label>
  )
}
