/** Everyone's picture; a shared screen takes the room it needs. */
import { isTrackReference, useTracks, type TrackReferenceOrPlaceholder } from '@livekit/components-react'
import { Track } from 'livekit-client'
import { columnsFor, startOf } from '../core/grid'
import { useWords } from '../react/page'
import { useSize } from '../react/size'
import { Tile } from './Tile'

const SOURCES = [
  { source: Track.Source.Camera, withPlaceholder: true },
  { source: Track.Source.ScreenShare, withPlaceholder: false },
]

export function Grid() {
  const words = useWords()
  const [follow, { width, height }] = useSize()
  const tracks = useTracks(SOURCES, { onlySubscribed: false }).filter((one) => !one.participant.isAgent)
  const screens = tracks.filter((one) => one.source === Track.Source.ScreenShare)
  const people = tracks.filter((one) => one.source !== Track.Source.ScreenShare)
  const columns = screens.length > 0 ? 1 : columnsFor(people.length, width, height)
  const alone = people.length === 1
  return (
    <section className="grid-area" aria-label={words.room.grid} data-screens={screens.length}>
      {screens.length > 0 && (
        <div className="screens">
          {screens.map((one) => (
            <Tile key={keyOf(one)} track={one} />
          ))}
        </div>
      )}
      <div className="grid" ref={follow} style={{ '--columns': columns * 2 } as React.CSSProperties}>
        {people.map((one, at) => (
          <Tile
            key={keyOf(one)}
            track={one}
            column={screens.length > 0 ? undefined : startOf(at, people.length, columns)}
          />
        ))}
      </div>
      {alone && <p className="alone quiet">{words.room.alone}</p>}
    </section>
  )
}

function keyOf(track: TrackReferenceOrPlaceholder): string {
  const shared = isTrackReference(track) && track.source === Track.Source.ScreenShare
  return `${track.participant.identity} ${track.source} ${shared ? track.publication.trackSid : ''}`
}
