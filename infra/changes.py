"""Which programs run a file, so that a change of it restarts those and no others."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

PROGRAMS: Mapping[str, str] = {
    "agent": "agent/__main__.py",
    "engines": "agent/engines/__main__.py",
    "web": "web/__main__.py",
    "sweep": "agent/vault/__main__.py",
}
"""Our lines of the Procfile that run Python code of ours, with the file that each starts at."""
BY_NAME: Mapping[str, str] = {"agent/engines": "engines", "migrations": "web"}
"""Folders whose files a program finds by their names, without an import."""

Imports = frozenset[Path]


class Changes:
    """What each program imports, anywhere in its code. A file that is no Python imports what it did before."""

    def __init__(
        self, root: Path, programs: Mapping[str, str] = PROGRAMS, by_name: Mapping[str, str] = BY_NAME
    ) -> None:
        self._root = root
        self._programs = programs
        self._by_name = by_name
        self._imports: dict[Path, Imports] = {}
        self._imported = self._all()

    def restarts(self, paths: Iterable[Path]) -> set[str]:
        """The programs that run one of these files, or did before it changed."""
        changed = [path.relative_to(self._root) for path in paths]
        before = {name for path in changed for name in self.programs(path)}
        for path in changed:
            self._read(path)
        self._imported = self._all()
        return before | {name for path in changed for name in self.programs(path)}

    def programs(self, path: Path) -> set[str]:
        """Those that run a file, named from the root. One that is no module is read by the modules beside it."""
        named = {name for folder, name in self._by_name.items() if path.is_relative_to(folder)}
        if path.suffix == ".py":
            return named | {name for name, files in self._imported.items() if path in files}
        folders = {name: {file.parent for file in files} for name, files in self._imported.items()}
        return named | {name for name, beside in folders.items() if path.parent in beside}

    def _all(self) -> dict[str, set[Path]]:
        return {name: self._closure(Path(start)) for name, start in self._programs.items()}

    def _closure(self, start: Path) -> set[Path]:
        found: set[Path] = set()
        waiting = [start]
        while waiting:
            path = waiting.pop()
            if path not in found and (self._root / path).is_file():
                found.add(path)
                waiting += self._imports[path] if path in self._imports else self._read(path)
        return found

    def _read(self, path: Path) -> Imports:
        try:
            self._imports[path] = frozenset(_imports(path, (self._root / path).read_text()))
        except (OSError, SyntaxError, UnicodeError):
            self._imports.setdefault(path, frozenset())
        return self._imports[path]


def _imports(path: Path, code: str) -> Iterator[Path]:
    """The files that would be imported if they were there: a module, or a package with all above it."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                modules = [PurePosixPath(*one.name.split(".")) for one in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                base = PurePosixPath(*([path, *path.parents][level].parts if level else ()))
                base = base.joinpath(*(module or "").split("."))
                modules = [base, *(base / one.name for one in names)]
            case _:
                continue
        for one in modules:
            yield Path(f"{one}.py")
            yield from (Path(package, "__init__.py") for package in [one, *one.parents])
