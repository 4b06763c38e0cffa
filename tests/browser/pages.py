"""Dragoman's pages as a person uses them, and what they show while somebody looks."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

LOOK = """
// Captions come and go: what was in sight is noted as it passes, twenty times a second.
window.seen = { lines: [], states: [], loudest: {}, quietest: {}, volumes: {}, heard: false, most: 0 }
window.noted = new Set()
const look = () => {
  for (const line of document.querySelectorAll('[data-testid=caption-line]')) {
    const { lang, final, identity } = line.dataset
    const name = line.closest('.caption').querySelector('.caption-name').textContent
    const key = [lang, final, identity, name, line.textContent].join('|')
    if (noted.has(key)) continue
    noted.add(key)
    seen.lines.push({ lang, final: final === 'true', identity, name, text: line.textContent })
  }
  for (const voice of document.querySelectorAll('.caption-lines')) {
    seen.most = Math.max(seen.most, voice.querySelectorAll('[data-testid=caption-line]').length)
  }
  const state = document.querySelector('[data-testid=state]')?.dataset.state
  if (state && seen.states.at(-1) !== state) seen.states.push(state)
  const inside = window.__dragoman
  if (!inside) return
  seen.volumes = inside.volumes()
  for (const [who, volume] of Object.entries(seen.volumes)) {
    seen.quietest[who] = Math.min(seen.quietest[who] ?? 1, volume)
    seen.loudest[who] = Math.max(seen.loudest[who] ?? 0, volume)
  }
  seen.heard ||= Date.now() - inside.voice.get().heard < 500
}
setInterval(look, 50)
"""
SUBSCRIBED = """
() => [...__dragoman.room.remoteParticipants.values()].filter((one) => one.isAgent)
  .flatMap((one) => [...one.audioTrackPublications.values()])
  .filter((dub) => dub.isSubscribed).map((dub) => dub.trackName)
"""
SPEAK = """
async () => {
  const me = __dragoman.room.localParticipant
  const [microphone] = [...me.audioTrackPublications.values()]
  await microphone.track.restartTrack()
}
"""

SILENCE = """
async () => {
  const begun = Date.now()
  const loud = () => Object.values(__dragoman.volumes()).some((volume) => volume > 0.5)
  while (!loud() && __dragoman.voice.get().heard === null) await new Promise((go) => setTimeout(go, 20))
  return Date.now() - begun
}
"""
"""Milliseconds until something can be heard: the dub, or the original no longer lowered."""


class Seat:
    """One person's browser window."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @classmethod
    async def taken(cls, browser: Browser, url: str, **context: Any) -> Seat:
        """A window of its own, with nothing remembered."""
        window: BrowserContext = await browser.new_context(**{"locale": "en-US", **context})
        await window.add_init_script(LOOK)
        page = await window.new_page()
        page.set_default_timeout(20_000)
        return cls(page, url)

    def at(self, testid: str, more: str = "") -> Any:
        """What bears this name, or what is inside it."""
        return self.page.locator(f"[data-testid={testid}] {more}".strip())

    async def open(self, address: str) -> None:
        await self.page.goto(f"{self.url}/{address}")

    async def choose(self, picker: str, tag: str) -> None:
        """Choose a language, in front of the room or inside it."""
        await self.at(picker, "button.picker-button").click()
        await self.at(f"{picker}-list", f"[data-tag={tag}]").click()
        await self.at(f"{picker}-list").wait_for(state="detached")

    async def join(
        self, room: str, name: str, *, speaks: str, reads: str, hears: str, microphone: bool = False
    ) -> None:
        """Through the card in front of the room, with the microphone off, until it is interpreted."""
        await self.open(f"room/{room}")
        await self.at("name").fill(name)
        for picker, tag in (("speak", speaks), ("read", reads), ("hear", hears)):
            await self.choose(picker, tag)
        if microphone:
            # It was allowed before, so it is on already; its recording shall begin in the room.
            await self.at("prejoin-microphone").and_(self.page.locator("[aria-pressed=true]")).click()
        await self.enter()

    async def enter(self) -> None:
        await self.at("join").click()
        await self.at("room").wait_for()
        await self.interpreted()

    async def interpreted(self) -> None:
        await self.page.locator("[data-testid=state][data-state=interpreting]").wait_for()

    async def speak(self) -> None:
        """Say the recording, from its beginning."""
        if await self.page.evaluate("() => __dragoman.room.localParticipant.audioTrackPublications.size"):
            await self.page.evaluate(SPEAK)
        else:
            await self.at("mute").click()

    async def seen(self) -> dict[str, Any]:
        """All that was in sight so far."""
        noted: dict[str, Any] = await self.page.evaluate("() => seen")
        return noted

    async def until(self, true: str, seconds: float = 20.0, arg: Any = None) -> None:
        """Wait for something to be so in the page."""
        await self.page.wait_for_function(true, arg=arg, timeout=seconds * 1_000, polling=50)

    async def reads(self, lang: str, words: str, seconds: float = 30.0, *, final: bool = True) -> dict[str, Any]:
        """Wait for a caption with these words; answers the line as it was in sight."""
        where = f"line.lang === '{lang}' && line.text.toLowerCase().includes('{words}')" + (
            " && line.final" if final else ""
        )
        await self.until(f"() => seen.lines.some((line) => {where})", seconds)
        line: dict[str, Any] = await self.page.evaluate(f"() => seen.lines.find((line) => {where})")
        return line

    async def forget(self) -> None:
        """What comes is new."""
        await self.page.evaluate("() => { seen.lines = []; seen.states = []; seen.heard = false; noted.clear() }")

    async def identity(self) -> str:
        return str(await self.page.evaluate("() => __dragoman.room.localParticipant.identity"))

    async def dubs(self) -> list[str]:
        """The dubs that are being received."""
        names: list[str] = await self.page.evaluate(SUBSCRIBED)
        return names

    async def leave(self) -> None:
        await self.page.context.close()
