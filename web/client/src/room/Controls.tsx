/** The bar of controls: oneself, the languages, the captions, the way out. */
import {
  Camera,
  CameraOff,
  Captions as CaptionsIcon,
  CaptionsOff,
  CircleQuestionMark,
  Link,
  LogOut,
  Mic,
  MicOff,
  MonitorUp,
  ScrollText,
  Settings as Gear,
} from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { Choices } from '../core/choices'
import { NARROW, useMatch } from '../react/media'
import { usePage } from '../react/page'
import { Languages, LanguagesButton } from './Languages'
import type { Media } from './media'
import { More } from './More'

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
  /** Nothing of it can be reached: the transcript covers it. */
  covered: boolean
}

export function Controls({
  choices,
  onChange,
  media,
  panel,
  onPanel,
  onDialog,
  picking,
  onPicking,
  onLeave,
  covered,
}: Props) {
  const { words, look, setLook } = usePage()
  const { room } = words
  const narrow = useMatch(NARROW)
  const [copied, invite] = useInvite()
  const Pickers = narrow ? LanguagesButton : Languages
  return (
    <section className="controls" aria-label={room.controls} inert={covered}>
      <div className="controls-group">
        <Tool
          on={media.microphone}
          label={media.microphone ? room.mute : room.unmute}
          keys="M"
          onPress={media.toggleMicrophone}
          testid="mute"
          alarm={!media.microphone}
        >
          {media.microphone ? <Mic aria-hidden /> : <MicOff aria-hidden />}
        </Tool>
        <Tool
          on={media.camera}
          label={media.camera ? room.cameraOff : room.cameraOn}
          onPress={media.toggleCamera}
          testid="camera"
        >
          {media.camera ? <Camera aria-hidden /> : <CameraOff aria-hidden />}
        </Tool>
        {media.canShare && !narrow && (
          <Tool
            on={media.screen}
            label={media.screen ? room.unshare : room.share}
            onPress={media.toggleScreen}
            testid="share"
          >
            <MonitorUp aria-hidden />
          </Tool>
        )}
      </div>
      <Pickers choices={choices} onChange={onChange} isOpen={picking} onOpenChange={onPicking} />
      <div className="controls-group">
        <Tool
          on={look.captions}
          label={room.captions}
          keys="C"
          onPress={() => setLook({ captions: !look.captions })}
          testid="captions-toggle"
        >
          {look.captions ? <CaptionsIcon aria-hidden /> : <CaptionsOff aria-hidden />}
        </Tool>
        <Tool on={panel} label={room.transcript} keys="T" onPress={onPanel} testid="transcript-toggle">
          <ScrollText aria-hidden />
        </Tool>
        {narrow ? (
          <More media={media} onDialog={onDialog} onInvite={invite} />
        ) : (
          <>
            <Tool label={room.settings} onPress={() => onDialog('settings')} testid="settings-open">
              <Gear aria-hidden />
            </Tool>
            <Tool label={room.keys} keys="?" onPress={() => onDialog('keys')} testid="keys-open">
              <CircleQuestionMark aria-hidden />
            </Tool>
            <Tool label={copied ? words.copied : room.invite} onPress={invite} testid="invite">
              <Link aria-hidden />
            </Tool>
          </>
        )}
        <button
          type="button"
          className="tool leave"
          onClick={onLeave}
          aria-label={room.leave}
          title={room.leave}
          data-testid="leave"
        >
          <LogOut aria-hidden /> <span className="tool-word">{room.leave}</span>
        </button>
      </div>
      <span className={narrow && copied ? 'toast' : 'visually-hidden'} role="status" data-testid="copied">
        {copied ? words.copied : ''}
      </span>
    </section>
  )
}

interface ToolProps {
  label: string
  on?: boolean
  keys?: string
  alarm?: boolean
  testid: string
  onPress: () => void
  children: ReactNode
}

function Tool({ label, on, keys, alarm = false, testid, onPress, children }: ToolProps) {
  const { look } = usePage()
  const shortcut = look.shortcuts ? keys : undefined
  return (
    <button
      type="button"
      className="tool"
      aria-pressed={on}
      aria-label={label}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut})` : label}
      data-alarm={alarm}
      data-testid={testid}
      onClick={onPress}
    >
      {children}
    </button>
  )
}

/** Copy the room's link; whether that was done just now. */
function useInvite(): [boolean, () => void] {
  const [done, setDone] = useState(false)
  const copy = () => {
    const { origin, pathname, hash } = location
    void navigator.clipboard.writeText(origin + pathname + hash).then(() => {
      setDone(true)
      setTimeout(() => setDone(false), 2_000)
    })
  }
  return [done, copy]
}
