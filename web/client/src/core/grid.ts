/** Tiles in a grid: as large as they can be, and the last row in the middle. */
const RATIO = 16 / 9

/** In which half column a tile begins, so that a last row that is not full stands in the middle. */
export function startOf(at: number, count: number, columns: number): number {
  const rest = count % columns
  const centred = rest !== 0 && at >= count - rest
  return 1 + (at % columns) * 2 + (centred ? columns - rest : 0)
}

/** How many columns make the tiles largest. */
export function columnsFor(count: number, width: number, height: number, gap = 8): number {
  let best = 1
  let area = 0
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns)
    const room = (width - gap * (columns - 1)) / columns
    const tall = (height - gap * (rows - 1)) / rows
    const tile = Math.min(room, tall * RATIO)
    // Side by side rather than one above the other, where it costs next to nothing.
    if (tile >= area * 0.95) best = columns
    area = Math.max(area, tile)
  }
  return best
}
