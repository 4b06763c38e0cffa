/** One's own microphone, camera and screen inside the room, and why one of them fails. */
import { useLocalParticipant } from '@livekit/components-react'
import {
  LocalTrackPublication,
  RoomEvent,
  Track,
  TrackEvent,
  type Participant,
  type Room,
  type TrackPublication,
} from 'livekit-client'
import { useEffect, useState } from 'react'
import type { Choices } from '../core/choices'
import { cleaning, nameOfFailure, type DeviceError } from '../react/devices'
import { useLatest } from '../react/store'

/** What failed, and why; a device that was there and is no longer has `ended`. */
export interface Problem {
  device: 'microphone' | 'camera' | 'screen'
  why: DeviceError | 'ended'
}

export interface Media {
  microphone: boolean
  camera: boolean
  screen: boolean
  canShare: boolean
  problem: Problem | null
  /** The problem was read. */
  dismiss: () => void
  toggleMicrophone: () => void
  toggleCamera: () => void
  toggleScreen: () => void
}

export function useMedia(room: Room, choices: Choices): Media {
  const { isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled, localParticipant } = useLocalParticipant({ room })
  const [problem, setProblem] = useState<Problem | null>(null)
  useEnded(room, (device) => setProblem({ device, why: 'ended' }))

  const attempt = (device: Problem['device'], act: Promise<unknown>) => {
    setProblem(null)
    act.catch((failure: unknown) => {
      const why = nameOfFailure(failure)
      // Closing the chooser of screens is a choice, not a failure.
      if (device !== 'screen' || why !== 'denied') setProblem({ device, why })
    })
  }
  const device = (deviceId: string) => (deviceId ? { deviceId } : {})
  return {
    microphone: isMicrophoneEnabled,
    camera: isCameraEnabled,
    screen: isScreenShareEnabled,
    canShare: 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices,
    problem,
    dismiss: () => setProblem(null),
    toggleMicrophone: () =>
      attempt(
        'microphone',
        secure(() =>
          localParticipant.setMicrophoneEnabled(!isMicrophoneEnabled, {
            ...device(choices.microphone),
            ...cleaning(choices.cleaned),
          }),
        ),
      ),
    toggleCamera: () =>
      attempt(
        'camera',
        secure(() => localParticipant.setCameraEnabled(!isCameraEnabled, device(choices.camera))),
      ),
    toggleScreen: () =>
      attempt('screen', localParticipant.setScreenShareEnabled(!isScreenShareEnabled, { audio: true })),
  }
}

/** On an insecure address there are no devices at all, whatever the types say. */
function secure<T>(act: () => Promise<T>): Promise<T> {
  return 'mediaDevices' in navigator ? act() : Promise.reject(new DOMException('insecure', 'SecurityError'))
}

const KINDS: Partial<Record<Track.Source, 'microphone' | 'camera'>> = {
  [Track.Source.Microphone]: 'microphone',
  [Track.Source.Camera]: 'camera',
}

/** Tells of a device that was unplugged or taken away: its track ended, and LiveKit found no other and muted it. */
function useEnded(room: Room, tell: (device: 'microphone' | 'camera') => void): void {
  const told = useLatest(tell)
  useEffect(() => {
    const ended = new Set<TrackPublication>()
    const follow = (publication: TrackPublication) => {
      if (!(publication instanceof LocalTrackPublication) || KINDS[publication.source] === undefined) return
      publication.on(TrackEvent.Ended, () => ended.add(publication))
    }
    const gone = (publication: TrackPublication, participant?: Participant) => {
      const device = KINDS[publication.source]
      if (!(participant?.isLocal ?? true) || device === undefined || !ended.delete(publication)) return
      told(device)
    }
    const back = (publication: TrackPublication) => ended.delete(publication)
    for (const publication of room.localParticipant.trackPublications.values()) follow(publication)
    room
      .on(RoomEvent.LocalTrackPublished, follow)
      .on(RoomEvent.TrackMuted, gone)
      .on(RoomEvent.LocalTrackUnpublished, gone)
      .on(RoomEvent.TrackUnmuted, back)
    return () => {
      room
        .off(RoomEvent.LocalTrackPublished, follow)
        .off(RoomEvent.TrackMuted, gone)
        .off(RoomEvent.LocalTrackUnpublished, gone)
        .off(RoomEvent.TrackUnmuted, back)
    }
  }, [room, told])
}
