/** Trying it out with a recorded talk, in a room made for this visit. */
import { useEffect, useState } from 'react'
import { ApiError } from '../core/api'
import { addressOfTrial } from '../core/trial'
import { sentence } from '../i18n'
import { go } from '../route'
import { usePage } from './page'

export interface Trial {
  /** Whether there is one to be had; null while that isn't known. */
  offered: boolean | null
  starting: boolean
  problem: string | null
  start: () => void
}

export function useTrial(): Trial {
  const { api, words } = usePage()
  const [offered, setOffered] = useState<boolean | null>(null)
  const [starting, setStarting] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  useEffect(() => {
    let gone = false
    void api.trialOffered().then(
      (offer) => (gone ? undefined : setOffered(offer)),
      () => (gone ? undefined : setOffered(false)),
    )
    return () => {
      gone = true
    }
  }, [api])
  const said = (code: string) => {
    if (code === 'too_many_trials') return words.trial.full
    return code === 'not_allowed' ? words.trial.notHere : sentence(words, code)
  }
  const start = () => {
    if (starting) return
    setStarting(true)
    setProblem(null)
    api
      .trial()
      .then((made) => go(addressOfTrial(made)))
      .catch((error: unknown) => setProblem(error instanceof ApiError ? said(error.code) : words.trial.failed))
      .finally(() => setStarting(false))
  }
  return { offered, starting, problem, start }
}
