/** The bar of controls: oneself, the languages, the captions, the way out. */
import { Camera, CameraOff, Captions as CaptionsIcon, CaptionsOff, CircleQuestionMark, Link, LogOut, Mic, MicOff, MonitorUp, ScrollText, Settings as Gear, Volume2 } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components'
import type { Choices } from '../core/choices'
import { usePage } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { LanguagePicker } from './LanguagePicker'
import { hearSpecials, readSpecials } from './specials'
import type { Media } from './media'
import { Under } from './Under'

interface Props {
  choices: Choices
  onChange: (part: Partial<Choices>) => void
  media: Media
  panel: boolean
  onPanel: () => void
  onDialog: (dialog: 'settings' | 'keys') => void
  picking: boolean
  onPicking: (open: boolean) => void
  onLeave: () => void
}

export function Controls({ choices, onChange, media, panel, onPanel, onDialog, picking, onPicking, onLeave }: Props) {
  const { words, look, setLook } = usePage()
  const { info } = useInside()
  const { wishes, interpreter } = useStatus()
  const { room } = words
  const spoken = interpreter?.languages.filter((tag) => tag !== wishes.reads) ?? []
  return (
    <section className="controls" aria-label={room.controls}>
      <div className="controls-group">
        <Tool on={media.microphone} label={media.microphone ? room.mute : room.unmute} keys="M" onPress={media.toggleMicrophone} testid="mute" alarm={!media.microphone}>
          {media.microphone ? <Mic aria-hidden /> : <MicOff aria-hidden />}
        </Tool>
        <Tool on={media.camera} label={media.camera ? room.cameraOff : room.cameraOn} onPress={media.toggleCamera} testid="camera">
          {media.camera ? <Camera aria-hidden /> : <CameraOff aria-hidden />}
        </Tool>
        {media.canShare && (
          <Tool on={media.screen} label={media.screen ? room.unshare : room.share} onPress={media.toggleScreen} testid="share" wideOnly>
            <MonitorUp aria-hidden />
          </Tool>
        )}
      </div>
      <div className="controls-group languages">
        <LanguagePicker compact label={room.hear} stage="hear" value={choices.hears} onChange={(hears) => onChange({ hears })} languages={info.languages} specials={hearSpecials(words)} same={wishes.hears} testid="hear" />
        {wishes.hears !== '' && (
          <DialogTrigger>
            <Button className="tool" aria-label={room.original}>
              <Volume2 aria-hidden />
            </Button>
            <Popover className="popover pad narrow">
              <Dialog aria-label={room.original}>
                <Under />
              </Dialog>
            </Popover>
          </DialogTrigger>
        )}
        <LanguagePicker compact label={room.read} stage="read" value={choices.reads} onChange={(reads) => onChange({ reads })} languages={info.languages} specials={readSpecials(words)} spoken={spoken} same={wishes.reads} testid="read" isOpen={picking} onOpenChange={onPicking} />
      </div>
      <div className="controls-group">
        <Tool on={look.captions} label={room.captions} keys="C" onPress={() => setLook({ captions: !look.captions })} testid="captions-toggle">
          {look.captions ? <CaptionsIcon aria-hidden /> : <CaptionsOff aria-hidden />}
        </Tool>
        <Tool on={panel} label={room.transcript} keys="T" onPress={onPanel} testid="transcript-toggle">
          <ScrollText aria-hidden />
        </Tool>
        <Tool label={room.settings} onPress={() => onDialog('settings')} testid="settings-open">
          <Gear aria-hidden />
        </Tool>
        <Tool label={room.keys} keys="?" onPress={() => onDialog('keys')} testid="keys-open" wideOnly>
          <CircleQuestionMark aria-hidden />
        </Tool>
        <Invite />
        <button type="button" className="tool leave" onClick={onLeave} data-testid="leave">
          <LogOut aria-hidden /> <span className="tool-word">{room.leave}</span>
        </button>
      </div>
    </section>
  )
}

interface ToolProps {
  label: string
  on?: boolean
  keys?: string
  alarm?: boolean
  wideOnly?: boolean
  testid: string
  onPress: () => void
  children: ReactNode
}

function Tool({ label, on, keys, alarm = false, wideOnly = false, testid, onPress, children }: ToolProps) {
  return (
    <button
      type="button"
      className={wideOnly ? 'tool wide-only' : 'tool'}
      aria-pressed={on}
      aria-label={label}
      aria-keyshortcuts={keys}
      title={keys ? `${label} (${keys})` : label}
      data-alarm={alarm}
      data-testid={testid}
      onClick={onPress}
    >
      {children}
    </button>
  )
}

function Invite() {
  const { words } = usePage()
  const [done, setDone] = useState(false)
  const copy = () => {
    const { origin, pathname, hash } = location
    void navigator.clipboard.writeText(origin + pathname + hash).then(() => {
      setDone(true)
      setTimeout(() => setDone(false), 2_000)
    })
  }
  return (
    <>
      <Tool label={done ? words.copied : words.room.invite} onPress={copy} testid="invite" wideOnly>
        <Link aria-hidden />
      </Tool>
      <span className="visually-hidden" role="status">
        {done ? words.copied : ''}
      </span>
    </>
  )
}
