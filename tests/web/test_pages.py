"""The pages as files, and the headers that keep them safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import House, Opening, code


@pytest.mark.parametrize("path", ["/", "/room/demo", "/room/no-such-room", "/?lang=es", "/room/demo?x=1"])
async def test_the_page_is_the_same_at_each_of_its_addresses_and_never_stale(house: House, path: str):
    answer = await house.client.get(path)

    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert "Dragoman" in await answer.text()
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_an_asset_with_a_hash_in_its_name_is_kept_for_good(house: House):
    answer = await house.client.get("/assets/index-1a2b3c.js")

    assert answer.status == 200
    assert answer.content_type in {"text/javascript", "application/javascript"}
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/icon.svg", "/talks/talks.json"])
async def test_what_lies_beside_the_page_is_kept_for_an_hour(house: House, path: str):
    answer = await house.client.get(path)

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


async def test_a_page_that_has_not_changed_is_not_sent_again(house: House):
    first = await house.client.get("/")

    again = await house.client.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status == 304


async def test_a_part_of_a_talk_can_be_asked_for(house: House):
    answer = await house.client.get("/talks/talks.json", headers={"Range": "bytes=1-1"})

    assert answer.status == 206
    assert await answer.text() == "]"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nothing.js",
        "/assets/../../secret",
        "/assets/%2e%2e/%2e%2e/secret",
        "/assets/..%2f..%2fsecret",
        "/%2e%2e%2fsecret",
        "/.hidden",
        "/talks/..%5csecret",
        "/assets/%00",
        "/assets//etc/passwd",
        "/assets/" + "a" * 4000,
        "/talks/",
        "/assets",
        "/nothing",
    ],
)
async def test_nothing_outside_the_pages_is_served(house: House, path: str):
    answer = await house.client.session.get(house.client.make_url("/").joinpath(path[1:], encoded=True))

    assert await code(answer) == (404, "not_found")


@pytest.mark.parametrize("path", ["/nothing", "/romm/demo", "/room/demo/more", "/index.php", "/room/"])
async def test_people_who_look_where_nothing_is_get_a_page_that_says_so(house: House, path: str):
    answer = await house.client.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert answer.status == 404
    assert answer.content_type == "text/html"
    assert "Dragoman" in await answer.text()
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_programs_are_told_so_in_json_and_the_api_has_no_pages(house: House):
    for path, accept in (("/nothing/at/all", "*/*"), ("/api/nothing", "text/html"), ("/livekit/nothing", "text/html")):
        assert await code(await house.client.get(path, headers={"Accept": accept})) == (404, "not_found")


async def test_pages_that_are_not_built_are_said_to_be_missing(open_house: Opening, tmp_path: Path):
    house = await open_house(pages=tmp_path / "nowhere")

    assert await code(await house.client.get("/")) == (503, "pages_missing")
    assert (await house.client.get("/healthz")).status == 200


@pytest.mark.parametrize("path", ["/", "/assets/index-1a2b3c.js", "/api/rooms/demo", "/nothing", "/healthz"])
async def test_every_answer_carries_the_headers_that_keep_it_safe(house: House, path: str):
    headers = (await house.client.get(path)).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["connect-src"] == "'self' wss://livekit.example https://livekit.example"
    assert policy["worker-src"] == "'self' blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=(self), microphone=(self)" in headers["Permissions-Policy"]


async def test_answers_of_the_api_are_never_kept(house: House):
    assert (await house.client.get("/api/rooms/demo")).headers["Cache-Control"] == "no-store"
    assert (await house.join()).headers["Cache-Control"] == "no-store"


async def test_a_site_behind_https_says_that_it_stays_there(open_house: Opening):
    house = await open_house(web="https://dragoman.example")

    assert "Strict-Transport-Security" in (await house.client.get("/")).headers


async def test_livekit_on_this_machine_is_reached_without_tls(open_house: Opening):
    house = await open_house(livekit_public_url="ws://127.0.0.1:7880")

    policy = (await house.client.get("/")).headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880;" in policy


@pytest.mark.parametrize(("takes", "sent"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None)])
@pytest.mark.parametrize("path", ["/", "/room/demo", "/assets/index-1a2b3c.js"])
async def test_a_page_goes_out_compressed_to_who_takes_it(house: House, dist: Path, path: str, takes: str, sent: str):
    for name in ("index.html", "assets/index-1a2b3c.js"):
        (dist / f"{name}.br").write_bytes(b"br of " + name.encode())
        (dist / f"{name}.gz").write_bytes(b"gzip of " + name.encode())

    answer = await house.client.get(path, headers={"Accept-Encoding": takes}, auto_decompress=False)

    assert answer.headers.get("Content-Encoding") == sent
    assert answer.headers.getall("Vary") == ["Accept-Encoding"]
    assert (await answer.read()).startswith(sent.encode() + b" of" if sent else b"")
    assert answer.content_type in {"text/html", "text/javascript", "application/javascript"}


def test_the_build_leaves_compressed_twins_a_third_as_long_as_its_scripts():
    built = Path(__file__).parent.parent.parent / "web" / "client" / "dist" / "assets"
    scripts = list(built.glob("*.js"))
    if not scripts:
        pytest.skip("the pages are not built")

    whole = sum(script.stat().st_size for script in scripts)

    assert sum(Path(f"{script}.br").stat().st_size for script in scripts) < whole / 3
    assert sum(Path(f"{script}.gz").stat().st_size for script in scripts) < whole / 3
