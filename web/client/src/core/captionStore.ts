/** One language's caption lines as they stand now, told to whoever draws them. */
import { empty, put, tick, view, type Screen, type Shown } from './screen'
import { Store } from './store'
import type { Frame } from './wire'

export class CaptionStore {
  readonly shown = new Store<readonly Shown[]>([])
  #screen: Screen
  #limit = 40

  constructor(slots: number) {
    this.#screen = empty(slots)
  }

  /** Columns of a line from now on; lines that stand keep theirs. */
  widen(columns: number): void {
    this.#limit = columns
  }

  take(frame: Frame, now: number): void {
    this.#show(put(this.#screen, frame, now, this.#limit))
  }

  tick(now: number): void {
    this.#show(tick(this.#screen, now, this.#limit))
  }

  #show(screen: Screen): void {
    if (screen === this.#screen) return
    this.#screen = screen
    this.shown.set(view(screen, this.#limit))
  }
}
