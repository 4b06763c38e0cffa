"""What stands before the web server lets no stranger pass for somebody at this machine."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.live.servers import free_port, wait
from tests.web.conftest import House

ROOT = Path(__file__).parent.parent.parent
WISH = {"name": "Eve", "speaks": "en", "reads": "", "hears": ""}
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{behind}; }} }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend front
  bind 127.0.0.1:{port}
  default_backend behind
backend behind
  server one 127.0.0.1:{behind}
"""
PROXIES = ("nginx", "haproxy", "relay", "relay that forks")


@contextmanager
def before(proxy: str, behind: int, folder: Path) -> Iterator[int]:
    """A proxy with nothing set but where it listens and whom it asks; its port."""
    port, config = free_port(), folder / f"{proxy}.conf"
    program = shutil.which(proxy.partition(" ")[0], path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if proxy.startswith("relay"):
        line = [sys.executable, "-m", "tests.web.relay", str(behind), *(["fork"] if "forks" in proxy else [])]
    elif program is None:
        pytest.skip(f"no {proxy} on this machine")
    else:
        text = {"nginx": NGINX, "haproxy": HAPROXY}[proxy]
        config.write_text(text.format(folder=folder, port=port, behind=behind))
        line = [program, *(["-c"] if proxy == "nginx" else ["-db", "-f"]), str(config)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            if proxy.startswith("relay"):
                assert running.stdout
                port = int(running.stdout.readline())
            else:
                wait(lambda: _answers(port), 10)
            yield port
        finally:
            running.terminate()


def _answers(port: int) -> bool:
    line = [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("host", ["meet.example", "127.0.0.1:8080", "localhost", "[::1]:8080"])
async def test_the_demo_room_is_shut_to_strangers_whatever_they_say_through_a_proxy_that_adds_nothing(
    house: House, tmp_path: Path, proxy: str, host: str
):
    assert house.client.server.port
    with before(proxy, house.client.server.port, tmp_path) as port:
        async with ClientSession(f"http://127.0.0.1:{port}", headers={"Host": host}) as stranger:
            seen = await (await stranger.get("/api/rooms/demo")).json()
            answer = await stranger.post("/api/rooms/demo/join", json=WISH)

    assert seen["secret_needed"] is True
    assert (answer.status, (await answer.json())["code"]) == (403, "link_invalid")


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}", "http://localhost:{}"])
async def test_the_demo_room_is_open_to_a_program_of_this_machine_that_serves_nobody(house: House, url: str):
    asks = f"""
import json, urllib.request
where = "{url.format(house.client.server.port)}/api/rooms/demo"
print(json.load(urllib.request.urlopen(where))["secret_needed"])
wish = urllib.request.Request(where + "/join", json.dumps({WISH}).encode(), {{"Content-Type": "application/json"}})
print(urllib.request.urlopen(wish).status)
"""
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", asks, stdout=asyncio.subprocess.PIPE)

    said, _ = await running.communicate()

    assert said.decode().split() == ["False", "200"]


async def test_what_one_visitor_may_see_is_not_kept_for_another(house: House, tmp_path: Path):
    house.keep_answers(60)
    assert house.client.server.port
    with before("relay", house.client.server.port, tmp_path) as port:
        async with ClientSession(f"http://127.0.0.1:{port}") as stranger:
            here = await (await house.client.get("/api/rooms/demo")).json()
            there = await (await stranger.get("/api/rooms/demo")).json()

    assert (here["secret_needed"], there["secret_needed"]) == (False, True)
    assert {**here, "secret_needed": None} == {**there, "secret_needed": None}
