"""What editors and git read: the container to develop in, and the hooks before a commit."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import PORTS

ROOT = Path(__file__).parent.parent
CONTAINER: dict[str, Any] = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
HOOKS: list[dict[str, Any]] = [
    hook
    for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repo["hooks"]
    if repo["repo"] == "local"
]
FILES = {
    "ruff": "infra/node.py",
    "ruff-format": "infra/node.py",
    "prettier": ".devcontainer/devcontainer.json",
    "eslint": "web/client/tools/words.js",
}
"""A file of ours for each hook, as it should be."""

each_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])


def test_the_container_has_what_its_specification_asks_for() -> None:
    kinds = {
        "name": str,
        "image": str,
        "runArgs": list,
        "hostRequirements": dict,
        "postCreateCommand": str,
        "remoteEnv": dict,
        "forwardPorts": list,
        "portsAttributes": dict,
        "customizations": dict,
    }

    assert {name: type(value) for name, value in CONTAINER.items()} == kinds
    assert all(isinstance(port, int) for port in CONTAINER["forwardPorts"])
    assert {int(port) for port in CONTAINER["portsAttributes"]} == {*CONTAINER["forwardPorts"]}


def test_the_containers_image_is_one_version_with_the_oldest_python_that_we_take() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")

    assert re.fullmatch(rf"python:{re.escape(needed)}\.\d+-[a-z]+", CONTAINER["image"])


def test_the_container_forwards_ports_that_our_programs_have() -> None:
    assert {*CONTAINER["forwardPorts"]} <= {*PORTS.values()}


def test_what_the_container_runs_once_exists() -> None:
    first, second = CONTAINER["postCreateCommand"].split(" && ")

    assert (ROOT / first.split()[0]).stat().st_mode & 0o111
    assert second.split()[1:] == ["-m", "infra.setup", "unit", "page"]


def test_each_hook_is_a_program_of_the_project() -> None:
    assert {hook["id"] for hook in HOOKS} == FILES.keys()
    assert {hook["language"] for hook in HOOKS} == {"system"}
    assert all({"id", "name", "entry"} <= hook.keys() for hook in HOOKS)


@each_hook
def test_each_hook_runs(hook: dict[str, Any]) -> None:
    words = shlex.split(hook["entry"])
    scripts = [ROOT / word for word in words if word.startswith("web/client/node_modules/")]
    if not all(script.exists() for script in scripts):
        pytest.skip("the page's packages are not installed: `infra/test page` does it")

    ran = subprocess.run([*words, FILES[hook["id"]]], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
