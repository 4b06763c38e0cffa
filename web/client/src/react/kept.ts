/** What is kept of the meeting one is in, as it is just now. */
import { useEffect, useState } from 'react'
import type { Keeps } from '../core/api'
import { holding } from '../core/keeps'
import { usePage } from './page'
import { useInside, useStatus } from './session'

/** Follows what the interpreter says; where it names a policy that is new to us, the server is asked about it. */
export function useKept(): Keeps {
  const { api } = usePage()
  const { info } = useInside()
  const { interpreter } = useStatus()
  const [known, setKnown] = useState(info.keeps)
  const says = interpreter && interpreter.key !== '' ? interpreter.keeps : null
  const kept = holding(known, says)
  useEffect(() => {
    if (kept !== null) return
    let gone = false
    void api.room(info.room).then(
      (fresh) => (gone ? undefined : setKnown(fresh.keeps)),
      () => undefined,
    )
    return () => {
      gone = true
    }
  }, [api, info.room, kept])
  return kept ?? { policy: says ?? known.policy, redaction: 'off' }
}
