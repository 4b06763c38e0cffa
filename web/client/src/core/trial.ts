/** Rooms for trying it out: a recorded talk plays in a room of one's own, never into a meeting. */

/** How the server begins the names of such rooms. */
const MARK = 'try-'

export const isTrial = (room: string): boolean => room.startsWith(MARK)

/** Where the talk plays; `talk` is the language of the one that is wanted, or empty. */
export function addressOfTrial({ room, secret }: { room: string; secret: string }, talk = ''): string {
  return `/room/${encodeURIComponent(room)}?talk=${encodeURIComponent(talk)}#${encodeURIComponent(secret)}`
}
