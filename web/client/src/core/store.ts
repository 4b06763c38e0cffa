/** A value that tells those who listen when it is replaced. */
export class Store<T> {
  #value: T
  readonly #listeners = new Set<() => void>()

  constructor(value: T) {
    this.#value = value
  }

  readonly get = (): T => this.#value

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const tell of [...this.#listeners]) tell()
  }

  readonly subscribe = (tell: () => void): (() => void) => {
    this.#listeners.add(tell)
    return () => this.#listeners.delete(tell)
  }
}

/** Change some fields of a stored object. */
export function patch<T extends object>(store: Store<T>, change: Partial<T>): void {
  const before = store.get()
  const same = (Object.keys(change) as (keyof T)[]).every((name) => Object.is(before[name], change[name]))
  if (!same) store.set({ ...before, ...change })
}
