"""What the pages say: true of what is served, in one language at a time, and gone when it no longer holds."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from infra.stack import Stack

from .conftest import make_room
from .pages import Seat

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OPTIONS = """
(list) => [...list.querySelectorAll('[role=option]')].map((one) =>
  [one.dataset.tag, one.querySelector('.picker-name').textContent, one.querySelector('.grade')?.textContent ?? ''])
"""
MICROPHONES = "() => (async () => (await navigator.permissions.query({ name: 'microphone' })).state)()"


async def test_who_reads_german_is_told_what_reaches_them_and_what_does_not(stack: Stack, chromium: Browser):
    room = await make_room(stack)
    greta = await Seat.taken(chromium, stack.url, locale="de-DE")
    await greta.open(f"room/{room}")
    await greta.at("name").fill("Greta")
    await greta.choose("speak", "de")
    await greta.choose("read", "de")

    await greta.enter()
    assert "Es wird gedolmetscht" in await greta.at("state").inner_text()
    hugo = await Seat.taken(chromium, stack.url)
    await hugo.join(room, "Hugo", speaks="en", reads="en", hears="original")
    await greta.page.locator("[data-testid=state][data-state=untranslated]").wait_for()

    assert "Englisch wird hier nicht in diese Sprache übersetzt: Deutsch" in await greta.at("state").inner_text()
    await greta.at("state", "button").click()
    details = await greta.at("details").inner_text()
    assert "Whisper ist ein offenes Modell" in details
    assert "weights" not in details
    assert greta.errors == []
    await hugo.leave()
    await greta.leave()


async def test_languages_have_names_once_and_what_begins_as_typed_comes_first(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)
    await guest.open(f"room/{await make_room(stack)}")

    for picker in ("speak", "read", "hear"):
        await guest.at(picker, "button.picker-button").click()
        offered = await guest.at(f"{picker}-list").evaluate(OPTIONS)
        names = [name for _, name, _ in offered]
        assert [tag for tag, name, _ in offered if tag == name] == []
        assert sorted(names) == sorted(set(names))
        assert names.count("中文") == 1
        await guest.page.keyboard.type("de")
        first = guest.at(f"{picker}-list", "[role=option]").first
        assert await first.get_attribute("data-tag") == "de"
        # As in any search field: one Escape takes back what was typed, the next one closes.
        await guest.page.keyboard.press("Escape")
        await guest.at(f"{picker}-list", "[role=option]").nth(len(offered) - 1).wait_for()
        await guest.page.keyboard.press("Escape")
        await guest.at(f"{picker}-list").wait_for(state="detached")
    assert guest.errors == []
    await guest.leave()


async def test_the_words_of_quality_open_the_table_that_they_come_from(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)
    await guest.open(f"room/{await make_room(stack)}")
    await guest.choose("speak", "fr")
    await guest.choose("read", "es")

    words = guest.page.locator(".picker-field .grade.link")
    assert [await words.nth(at).inner_text() for at in range(2)] == ["rough", "rough"]
    await words.nth(0).click()
    assert "up to 12% good · up to 25% fair · up to 40% rough" in await guest.page.get_by_role("dialog").inner_text()
    await guest.page.keyboard.press("Escape")
    await words.nth(1).click()
    assert "from 65 good · from 55 fair · from 45 rough" in await guest.page.get_by_role("dialog").inner_text()
    await guest.leave()


async def test_a_link_without_its_secret_says_so_before_it_asks_for_anything(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)
    room, _, secret = (await make_room(stack)).partition("#")

    await guest.open(f"room/{room}")
    await guest.at("after").wait_for()
    assert "the part after the # is missing" in await guest.at("after").inner_text()
    assert await guest.at("name").count() == 0
    assert await guest.page.evaluate(MICROPHONES) == "prompt"

    await guest.page.evaluate("(secret) => { location.hash = secret }", secret)
    await guest.at("name").wait_for()
    assert await guest.page.title() == "Test · Dragoman"
    await guest.leave()


async def test_an_address_at_which_nothing_is_is_a_page_that_leads_on(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url, locale="pt-BR")

    answer = await guest.page.goto(f"{stack.url}/romm/demo/1")
    assert answer
    assert answer.status == 404
    assert "Nenhuma página tem este endereço" in await guest.at("unknown").inner_text()
    assert await guest.page.title() == "Não há nada aqui · Dragoman"
    await guest.at("unknown", "button").click()
    await guest.at("try").wait_for()
    assert await guest.page.title() == "Dragoman"
    await guest.leave()


async def test_a_title_ends_where_the_server_ends_it_and_a_made_link_goes_with_its_form(
    stack: Stack, chromium: Browser
):
    host = await Seat.taken(chromium, stack.url)
    await host.open("")
    form = host.at("make")
    await form.get_by_label("What is the meeting called?").fill("")
    await form.get_by_label("What is the meeting called?").press_sequentially("t" * 130)
    await form.get_by_label("Host secret").fill(stack.env["DRAGOMAN_HOST_SECRET"])
    await form.get_by_role("button", name="Make the room").click()

    link = await host.at("made-link").input_value()
    await form.get_by_label("What is the meeting called?").press_sequentially("x")
    assert await host.at("made-link").count() == 1, "what the field does not take changes nothing"
    await host.at("terms").press_sequentially("Sintra")
    assert await host.at("made-link").count() == 0
    await host.at("join-link").fill(link)
    await host.page.get_by_role("button", name="Go to the room").click()
    await host.at("name").wait_for()
    assert await host.page.title() == f"{'t' * 120} · Dragoman"
    assert host.errors == []
    await host.leave()


async def test_a_rooms_name_alone_is_no_way_in(stack: Stack, chromium: Browser):
    guest = await Seat.taken(chromium, stack.url)
    room = (await make_room(stack)).partition("#")[0]
    await guest.open("")

    await guest.at("join-link").fill(room)
    await guest.page.get_by_role("button", name="Go to the room").click()

    assert "Copy the whole link" in await guest.page.get_by_role("alert").inner_text()
    await guest.leave()
