/** How captions look, how things sound, which devices, and the page itself. */
import { useMediaDeviceSelect } from '@livekit/components-react'
import type { Choices } from '../core/choices'
import { nameOf } from '../core/languages'
import { number, percent } from '../react/figures'
import { usePage } from '../react/page'
import { useStatus } from '../react/session'
import { InterfaceLanguage } from './InterfaceLanguage'
import { OwnVoice } from './OwnVoice'
import { OriginalVolume, Range } from './OriginalVolume'
import { Shortcuts } from './Shortcuts'
import { Window } from './Window'

interface Props {
  isOpen: boolean
  onClose: () => void
  choices: Choices
  onChange: (part: Partial<Choices>) => void
}

export function Settings({ isOpen, onClose, choices, onChange }: Props) {
  const { words, look, setLook } = usePage()
  const { interpreter, wishes } = useStatus()
  const { settings } = words
  const seconds = (interpreter?.languages ?? []).filter((tag) => tag !== wishes.reads)
  return (
    <Window title={settings.title} isOpen={isOpen} onClose={onClose}>
      <div className="settings" data-testid="settings">
        <section>
          <h3>{settings.captions}</h3>
          <p className="caption-sample" style={{ fontSize: `${[16, 19, 23, 29, 36][look.size - 1]}px` }}>
            {settings.sample}
          </p>
          <Range
            label={settings.size}
            value={look.size}
            from={1}
            to={5}
            step={1}
            show={(value) => number(words, value)}
            onChange={(size) => setLook({ size })}
          />
          <Range
            label={settings.backdrop}
            value={look.backdrop}
            from={0}
            to={100}
            step={5}
            show={(value) => percent(words, value / 100)}
            onChange={(backdrop) => setLook({ backdrop })}
          />
          <Choose
            label={settings.position}
            value={look.position}
            onChange={(position) => setLook({ position })}
            items={[
              ['bottom', settings.bottom],
              ['top', settings.top],
            ]}
          />
          <label className="field">
            <span>{settings.second}</span>
            <select value={look.also} onChange={(event) => setLook({ also: event.target.value })} data-testid="also">
              <option value="">{settings.none}</option>
              <option value="original">{settings.originalWords}</option>
              {seconds.map((tag) => (
                <option key={tag} value={tag}>
                  {nameOf(tag)}
                </option>
              ))}
            </select>
          </label>
        </section>
        <section>
          <h3>{settings.sound}</h3>
          <OriginalVolume />
          <label className="check">
            <input
              type="checkbox"
              checked={choices.cleaned}
              onChange={(event) => onChange({ cleaned: event.target.checked })}
            />
            {settings.cleaned}
          </label>
        </section>
        <OwnVoice />
        <section>
          <h3>{settings.devices}</h3>
          <DeviceChoice
            kind="audioinput"
            label={words.prejoin.microphone}
            onChoose={(microphone) => onChange({ microphone })}
          />
          <DeviceChoice kind="videoinput" label={words.prejoin.camera} onChoose={(camera) => onChange({ camera })} />
          <DeviceChoice kind="audiooutput" label={settings.output} onChoose={(speaker) => onChange({ speaker })} />
        </section>
        <section>
          <h3>{settings.page}</h3>
          <Choose
            label={settings.theme}
            value={look.theme}
            onChange={(theme) => setLook({ theme })}
            items={[
              ['auto', settings.auto],
              ['light', settings.light],
              ['dark', settings.dark],
            ]}
          />
          <InterfaceLanguage />
          <Shortcuts />
        </section>
      </div>
    </Window>
  )
}

interface ChooseProps<T extends string> {
  label: string
  value: T
  onChange: (value: T) => void
  items: readonly (readonly [T, string])[]
}

function Choose<T extends string>({ label, value, onChange, items }: ChooseProps<T>) {
  return (
    <fieldset className="choose">
      <legend>{label}</legend>
      <div className="choose-items">
        {items.map(([id, name]) => (
          <label key={id} className="choose-item">
            <input type="radio" name={label} value={id} checked={id === value} onChange={() => onChange(id)} />
            <span>{name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function DeviceChoice({
  kind,
  label,
  onChoose,
}: {
  kind: MediaDeviceKind
  label: string
  onChoose: (deviceId: string) => void
}) {
  const { words } = usePage()
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({ kind, requestPermissions: false })
  if (devices.length === 0) return null
  const choose = (deviceId: string) => {
    onChoose(deviceId)
    void setActiveMediaDevice(deviceId).catch(() => undefined)
  }
  return (
    <label className="field">
      <span>{label}</span>
      <select value={activeDeviceId} onChange={(event) => choose(event.target.value)}>
        {devices.map((one, at) => (
          <option key={one.deviceId} value={one.deviceId}>
            {one.label || words.devices.unnamed({ number: at + 1 })}
          </option>
        ))}
      </select>
    </label>
  )
}
