/** The pages by their address. */
import { lazy, Suspense } from 'react'
import { Landing } from './landing/Landing'
import { Unknown } from './landing/Unknown'
import { Broken } from './room/Broken'
import { useFocusKept } from './react/focus'
import { PageProvider, useWords } from './react/page'
import { useRoute } from './route'

const RoomPage = lazy(() => import('./room/RoomPage').then((module) => ({ default: module.RoomPage })))

export function App() {
  return (
    <PageProvider>
      <Broken>
        <Pages />
      </Broken>
    </PageProvider>
  )
}

function Pages() {
  useFocusKept()
  const route = useRoute()
  const words = useWords()
  if (route.page === 'landing') return <Landing />
  if (route.page === 'unknown') return <Unknown />
  return (
    <Suspense fallback={<main className="wait">{words.loading}</main>}>
      <RoomPage key={route.room} room={route.room} secret={route.secret} talk={route.talk} />
    </Suspense>
  )
}
