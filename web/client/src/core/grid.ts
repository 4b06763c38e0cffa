/** How many columns make the tiles largest. */
const RATIO = 16 / 9

export function columnsFor(count: number, width: number, height: number, gap = 8): number {
  let best = 1
  let area = 0
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns)
    const room = (width - gap * (columns - 1)) / columns
    const tall = (height - gap * (rows - 1)) / rows
    const tile = Math.min(room, tall * RATIO)
    if (tile > area) {
      area = tile
      best = columns
    }
  }
  return best
}
