/** Camera and microphone before joining: a picture, a level, and which devices. */
import { Camera, CameraOff, Mic, MicOff, UserRound } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { LocalAudioTrack, LocalVideoTrack } from 'livekit-client'
import { Level, meter } from '../core/level'
import type { Device } from '../react/devices'
import { useWords } from '../react/page'
import { initials } from '../core/colours'

interface Props {
  name: string
  microphone: Device<LocalAudioTrack>
  camera: Device<LocalVideoTrack>
  onMicrophone: (deviceId: string) => void
  onCamera: (deviceId: string) => void
}

export function Preview({ name, microphone, camera, onMicrophone, onCamera }: Props) {
  const words = useWords()
  const { prejoin } = words
  return (
    <section className="preview" aria-label={prejoin.preview}>
      <div className="preview-picture">
        {camera.track ? (
          <Picture track={camera.track} />
        ) : (
          <span className="avatar">{name.trim() === '' ? <UserRound aria-hidden size={32} /> : initials(name)}</span>
        )}
        <div className="preview-buttons">
          <Toggle device={microphone} on={prejoin.turnOffMicrophone} off={prejoin.turnOnMicrophone} kind="microphone" />
          <Toggle device={camera} on={prejoin.turnOffCamera} off={prejoin.turnOnCamera} kind="camera" />
        </div>
      </div>
      {microphone.track && <Meter track={microphone.track} />}
      <Problem device={microphone} what={prejoin.microphone} />
      <Problem device={camera} what={prejoin.camera} />
      <div className="preview-devices">
        <Choice device={microphone} label={prejoin.microphone} onChange={onMicrophone} />
        <Choice device={camera} label={prejoin.camera} onChange={onCamera} />
      </div>
    </section>
  )
}

type AnyDevice = Device<LocalAudioTrack> | Device<LocalVideoTrack>

function Toggle({
  device,
  on,
  off,
  kind,
}: {
  device: AnyDevice
  on: string
  off: string
  kind: 'microphone' | 'camera'
}) {
  const running = device.track !== null
  const [On, Off] = kind === 'microphone' ? [Mic, MicOff] : [Camera, CameraOff]
  return (
    <button
      type="button"
      className="round"
      aria-pressed={running}
      aria-busy={device.starting}
      aria-label={running ? on : off}
      title={running ? on : off}
      data-testid={`prejoin-${kind}`}
      onClick={() => (running ? device.stop() : void device.start())}
    >
      {running ? <On aria-hidden /> : <Off aria-hidden />}
    </button>
  )
}

function Problem({ device, what }: { device: AnyDevice; what: string }) {
  const words = useWords()
  if (device.error === null) return null
  return (
    <p className="problem" role="alert">
      <strong>{what}:</strong> {words.devices[device.error]}
    </p>
  )
}

function Choice({
  device,
  label,
  onChange,
}: {
  device: AnyDevice
  label: string
  onChange: (deviceId: string) => void
}) {
  const words = useWords()
  const active = device.track?.mediaStreamTrack.getSettings().deviceId
  if (device.devices.length === 0) return null
  return (
    <label className="field">
      <span>{label}</span>
      <select value={active} onChange={(event) => onChange(event.target.value)}>
        {device.devices.map((one, at) => (
          <option key={one.deviceId} value={one.deviceId}>
            {one.label || words.devices.unnamed({ number: at + 1 })}
          </option>
        ))}
      </select>
    </label>
  )
}

function Picture({ track }: { track: LocalVideoTrack }) {
  const element = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    const video = element.current
    if (!video) return
    track.attach(video)
    return () => void track.detach(video)
  }, [track])
  return <video ref={element} muted playsInline className="mirrored" />
}

function Meter({ track }: { track: LocalAudioTrack }) {
  const words = useWords()
  const [level, setLevel] = useState(0)
  useEffect(() => {
    const context = new AudioContext()
    void context.resume().catch(() => undefined)
    const measured = new Level(context, track.mediaStreamTrack)
    const timer = setInterval(() => setLevel(meter(measured.read() ?? 0)), 60)
    return () => {
      clearInterval(timer)
      measured.close()
      void context.close()
    }
  }, [track])
  return (
    <div className="meter">
      <div
        role="meter"
        aria-label={words.prejoin.level}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(level * 100)}
        data-testid="prejoin-level"
      >
        <div className="meter-bar" style={{ transform: `scaleX(${level.toFixed(3)})` }} />
      </div>
      <p className="quiet">{words.prejoin.levelHint}</p>
    </div>
  )
}
