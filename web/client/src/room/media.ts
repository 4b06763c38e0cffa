/** One's own microphone, camera and screen inside the room. */
import { useLocalParticipant } from '@livekit/components-react'
import type { Room } from 'livekit-client'
import { useEffect, useState } from 'react'
import type { Choices } from '../core/choices'
import { cleaning } from '../react/devices'
import { usePage } from '../react/page'

export interface Media {
  microphone: boolean
  camera: boolean
  screen: boolean
  canShare: boolean
  problem: string | null
  toggleMicrophone: () => void
  toggleCamera: () => void
  toggleScreen: () => void
}

const SHOWN = 6_000

export function useMedia(room: Room, choices: Choices): Media {
  const { words } = usePage()
  const { isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled, localParticipant } = useLocalParticipant({ room })
  const [problem, setProblem] = useState<string | null>(null)

  useEffect(() => {
    if (problem === null) return
    const timer = setTimeout(() => setProblem(null), SHOWN)
    return () => clearTimeout(timer)
  }, [problem])

  const attempt = (name: string, act: Promise<unknown>) => {
    setProblem(null)
    act.catch((failure: unknown) => {
      // Closing the chooser of screens is a choice, not a failure.
      if (!(failure instanceof DOMException && failure.name === 'NotAllowedError' && name === '')) setProblem(name || words.room.share)
    })
  }
  const device = (deviceId: string) => (deviceId ? { deviceId } : {})
  return {
    microphone: isMicrophoneEnabled,
    camera: isCameraEnabled,
    screen: isScreenShareEnabled,
    canShare: 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices,
    problem,
    toggleMicrophone: () =>
      attempt(
        words.prejoin.microphone,
        localParticipant.setMicrophoneEnabled(!isMicrophoneEnabled, { ...device(choices.microphone), ...cleaning(choices.cleaned) }),
      ),
    toggleCamera: () => attempt(words.prejoin.camera, localParticipant.setCameraEnabled(!isCameraEnabled, device(choices.camera))),
    toggleScreen: () => attempt('', localParticipant.setScreenShareEnabled(!isScreenShareEnabled, { audio: true })),
  }
}
