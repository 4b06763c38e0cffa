/** How loud a track is right now, measured. */
export class Level {
  readonly #source: MediaStreamAudioSourceNode
  readonly #analyser: AnalyserNode
  readonly #samples: Float32Array<ArrayBuffer>
  readonly #context: AudioContext

  constructor(context: AudioContext, track: MediaStreamTrack) {
    this.#context = context
    this.#source = context.createMediaStreamSource(new MediaStream([track]))
    this.#analyser = context.createAnalyser()
    this.#analyser.fftSize = 1024
    this.#samples = new Float32Array(this.#analyser.fftSize)
    this.#source.connect(this.#analyser)
  }

  /** Root mean square of the last 20 ms or so, 0 to 1; null while the context is not running. */
  read(): number | null {
    if (this.#context.state !== 'running') return null
    this.#analyser.getFloatTimeDomainData(this.#samples)
    const sum = this.#samples.reduce((total, sample) => total + sample * sample, 0)
    return Math.sqrt(sum / this.#samples.length)
  }

  close(): void {
    this.#source.disconnect()
    this.#analyser.disconnect()
  }
}

/** A level as a meter shows it, 0 to 1: in decibels from -60 to -10. */
export function meter(level: number): number {
  const decibels = 20 * Math.log10(Math.max(level, 1e-6))
  return Math.min(1, Math.max(0, (decibels + 60) / 50))
}
