/** How loud the original stays under the dub. */
import { Label, Slider, SliderOutput, SliderThumb, SliderTrack } from 'react-aria-components'
import { usePage } from '../react/page'
import { percent } from '../react/figures'

export function OriginalVolume() {
  const { words, look, setLook } = usePage()
  return (
    <Range
      label={words.settings.under}
      value={look.under}
      from={0}
      to={1}
      step={0.05}
      show={(value) => percent(words, value)}
      onChange={(under) => setLook({ under })}
    />
  )
}

interface RangeProps {
  label: string
  value: number
  from: number
  to: number
  step: number
  show: (value: number) => string
  onChange: (value: number) => void
}

export function Range({ label, value, from, to, step, show, onChange }: RangeProps) {
  return (
    <Slider className="slider" value={value} minValue={from} maxValue={to} step={step} onChange={onChange}>
      <Label>{label}</Label>
      <SliderOutput>{show(value)}</SliderOutput>
      <SliderTrack className="slider-track">
        {({ state }) => (
          <>
            <span className="slider-fill" style={{ width: `${state.getThumbPercent(0) * 100}%` }} />
            <SliderThumb className="slider-thumb" />
          </>
        )}
      </SliderTrack>
    </Slider>
  )
}
