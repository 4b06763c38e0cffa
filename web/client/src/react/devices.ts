/** A camera or a microphone before joining: asked for only when a person turns it on. */
import {
  createLocalAudioTrack,
  createLocalVideoTrack,
  LocalAudioTrack,
  LocalVideoTrack,
  MediaDeviceFailure,
  Room,
} from 'livekit-client'
import { useCallback, useEffect, useRef, useState } from 'react'

export type DeviceError = 'denied' | 'missing' | 'busy' | 'insecure' | 'failed'

export interface Device<T> {
  track: T | null
  starting: boolean
  error: DeviceError | null
  devices: readonly MediaDeviceInfo[]
  start: (deviceId?: string) => Promise<void>
  stop: () => void
  /** Hand the track to a room: from now on this hook lets it be. */
  release: () => T | null
}

export const useMicrophone = (cleaned: boolean): Device<LocalAudioTrack> =>
  useDevice('audioinput', (deviceId) => createLocalAudioTrack({ ...chosen(deviceId), ...cleaning(cleaned) }))

export const useCamera = (): Device<LocalVideoTrack> =>
  useDevice('videoinput', (deviceId) =>
    createLocalVideoTrack({ ...chosen(deviceId), resolution: { width: 1280, height: 720 } }),
  )

export const cleaning = (cleaned: boolean) => ({
  echoCancellation: cleaned,
  noiseSuppression: cleaned,
  autoGainControl: cleaned,
})

const chosen = (deviceId: string | undefined) => (deviceId ? { deviceId } : {})

function useDevice<T extends LocalAudioTrack | LocalVideoTrack>(
  kind: MediaDeviceKind,
  open: (deviceId?: string) => Promise<T>,
): Device<T> {
  const [track, setTrack] = useState<T | null>(null)
  const [starting, setStarting] = useState(false)
  const [error, setError] = useState<DeviceError | null>(null)
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([])
  const held = useRef<T | null>(null)
  const attempt = useRef(0)

  const hold = useCallback((next: T | null) => {
    if (held.current !== next) held.current?.stop()
    held.current = next
    setTrack(next)
  }, [])

  const start = async (deviceId?: string) => {
    const mine = (attempt.current += 1)
    setError(null)
    setStarting(true)
    try {
      const next = await opened(open, deviceId)
      if (mine !== attempt.current) {
        next.stop()
        return
      }
      hold(next)
      setDevices(await Room.getLocalDevices(kind, false))
    } catch (failure) {
      if (mine === attempt.current) setError(nameOfFailure(failure))
    } finally {
      if (mine === attempt.current) setStarting(false)
    }
  }

  const stop = useCallback(() => {
    attempt.current += 1
    setStarting(false)
    hold(null)
  }, [hold])

  const release = () => {
    const given = held.current
    held.current = null
    return given
  }

  useEffect(
    () => () => {
      attempt.current += 1
      held.current?.stop()
    },
    [],
  )
  return { track, starting, error, devices, start, stop, release }
}

/** A device that was chosen once and is gone since falls back on the default one. */
async function opened<T>(open: (deviceId?: string) => Promise<T>, deviceId?: string): Promise<T> {
  // The type says that it is always there; on an insecure address it is not.
  if (!('mediaDevices' in navigator)) throw new DOMException('insecure', 'SecurityError')
  try {
    return await open(deviceId)
  } catch (failure) {
    if (deviceId && MediaDeviceFailure.getFailure(failure) === MediaDeviceFailure.NotFound) return open()
    throw failure
  }
}

export function nameOfFailure(failure: unknown): DeviceError {
  if (failure instanceof DOMException && failure.name === 'SecurityError') return 'insecure'
  switch (MediaDeviceFailure.getFailure(failure)) {
    case MediaDeviceFailure.PermissionDenied:
      return 'denied'
    case MediaDeviceFailure.NotFound:
      return 'missing'
    case MediaDeviceFailure.DeviceInUse:
      return 'busy'
    default:
      return failure instanceof DOMException && failure.name === 'OverconstrainedError' ? 'missing' : 'failed'
  }
}

/** Whether the browser would open it without asking. */
export async function isGranted(name: 'microphone' | 'camera'): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name })
    return state === 'granted'
  } catch {
    return false
  }
}
