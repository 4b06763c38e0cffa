/** One person: picture or initials, name, microphone, language, and the voice that speaks for them. */
import {
  isTrackReference,
  useIsMuted,
  useIsSpeaking,
  useParticipantInfo,
  VideoTrack,
  type TrackReferenceOrPlaceholder,
} from '@livekit/components-react'
import { AudioLines, EarOff, MicOff, MonitorUp } from 'lucide-react'
import { Track, type Participant } from 'livekit-client'
import { initials } from '../core/colours'
import type { Talk } from '../core/talk'
import { useWords } from '../react/page'
import { useInside, useStatus } from '../react/session'
import { useStore } from '../react/store'
import { SpokenLanguage } from './SpokenLanguage'
import { TalkButton } from './TalkBar'

export function Tile({ track, column }: { track: TrackReferenceOrPlaceholder; column?: number | undefined }) {
  const words = useWords()
  const { participant, source } = track
  const { name } = useParticipantInfo({ participant })
  const speaking = useIsSpeaking(participant)
  const { colours, talk } = useInside()
  const screen = source === Track.Source.ScreenShare
  const shown = name || words.room.someone
  return (
    <article
      className="tile"
      style={column === undefined ? undefined : { gridColumn: `${column} / span 2` }}
      data-speaking={speaking && !screen}
      data-colour={colours.of(participant.identity)}
      data-identity={participant.identity}
      data-testid={screen ? 'screen' : 'tile'}
      aria-label={screen ? words.room.screenOf({ name: shown }) : shown}
    >
      <Picture track={track} name={shown} />
      <footer className="tile-foot">
        {screen ? <MonitorUp aria-hidden size={16} /> : <Muted participant={participant} />}
        <span className="tile-name">
          {screen ? words.room.screenOf({ name: shown }) : shown}
          {participant.isLocal && <span className="quiet"> ({words.you})</span>}
        </span>
        {!screen && <SpokenLanguage participant={participant} name={shown} />}
      </footer>
      {!screen && (
        <div className="tile-top">
          <Dubbed identity={participant.identity} />
          <Unheard identity={participant.identity} />
          {talk && <Controlled talk={talk} identity={participant.identity} />}
        </div>
      )}
    </article>
  )
}

function Controlled({ talk, identity }: { talk: Talk; identity: string }) {
  return useStore(talk.state).identity === identity ? <TalkButton talk={talk} /> : null
}

function Picture({ track, name }: { track: TrackReferenceOrPlaceholder; name: string }) {
  const screen = track.source === Track.Source.ScreenShare
  if (!isTrackReference(track) || track.publication.isMuted)
    return <span className="avatar large">{initials(name)}</span>
  const mirrored = track.participant.isLocal && !screen
  return (
    <VideoTrack
      trackRef={track}
      className={mirrored ? 'mirrored' : undefined}
      data-fit={screen ? 'contain' : 'cover'}
    />
  )
}

function Muted({ participant }: { participant: Participant }) {
  const words = useWords()
  const muted = useIsMuted({ participant, source: Track.Source.Microphone })
  return muted ? <MicOff size={16} role="img" aria-label={words.room.muted} /> : null
}

/** Somebody speaks, and nobody interprets it: that is said, or they would be thought to say nothing. */
export function Unheard({ identity }: { identity: string }) {
  const words = useWords()
  const { interpreter } = useStatus()
  if (!interpreter?.unheard.includes(identity)) return null
  return (
    <p className="dubbed" data-testid="unheard" title={words.room.unheard}>
      <EarOff aria-hidden size={16} />
      <span>{words.room.unheard}</span>
    </p>
  )
}

/** The small wave: what is heard now is a machine's voice, saying this person's words. */
function Dubbed({ identity }: { identity: string }) {
  const words = useWords()
  const { session } = useInside()
  const voice = useStore(session.voice)
  if (!voice.sounding || voice.of !== identity) return null
  return (
    <p className="dubbed" data-testid="synthetic">
      <AudioLines aria-hidden size={16} className="wave" />
      <span>{words.room.synthetic}</span>
    </p>
  )
}
