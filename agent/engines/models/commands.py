"""`python -m agent.engines models`: which models there are, and fetching, checking, removing and measuring them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ...errors import ModelError, SettingsError
from ...settings import Settings, read
from ..licences import accept, accepted
from ..table import TABLE
from .catalogue import Model, damaged, missing, models, named

LEGEND = """
Size is what is fetched, memory what the weights take (int8 where the engine computes so), both in MB; measured is the
word error rate on whole FLEURS sentences, here. `pull NAME` fetches a model; docs/models.md says more."""
TITLES = ("name", "here", "size", "memory", "runs on", "languages", "measured", "licence")


def main(words: Sequence[str], of: Mapping[str, Model] | None = None) -> int:
    """The exit code: 0 when all is well, 1 when something can't be done or is damaged, 2 for a wrong command."""
    given = _parser().parse_args(words)
    known = models() if of is None else of
    try:
        settings = read()
        if given.command == "list":
            return _list(known, settings)
        if given.command == "check":
            return _check(known, given.name, settings)
        if given.command == "measure":
            return _measure(given, settings)
        if given.command == "remove":
            return _remove(named(given.name, known), settings)
        return _pull(named(given.name, known), given, settings)
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return 2
    except ModelError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agent.engines models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every model: size, memory, languages, quality, licence, whether it is here")
    pull = commands.add_parser("pull", help="fetch a model; broken off, the same command goes on from there")
    pull.add_argument("name")
    pull.add_argument("--accept-licence", action="store_true", help="accept a licence that allows no commercial use")
    pull.add_argument("--revision", metavar="COMMIT", help="another commit of its repository than the one we know")
    pull.add_argument("--trust-first-download", action="store_true", help="take what comes where no digest is known")
    check = commands.add_parser("check", help="compare every byte of a model, or of all that are here")
    check.add_argument("name", nargs="?")
    commands.add_parser("remove", help="delete a model").add_argument("name")
    measure = commands.add_parser("measure", help="rank the translators that are here, for the routes of texts")
    measure.add_argument("--data", type=Path, required=True, help="a parallel text: TSV with a column for each tag")
    measure.add_argument("--sentences", type=_number, default=60, help="how many, spread evenly over it (60)")
    measure.add_argument("--languages", type=_listed, default=(), help="only these, comma-separated")
    measure.add_argument("--engines", type=_listed, default=(), help="only these, comma-separated")
    measure.add_argument("--write", type=Path, metavar="FILE", help="another file than the table that is gone by")
    return parser


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number of sentences")
    return int(text)


def _list(known: Mapping[str, Model], settings: Settings) -> int:
    rows = {name: _row(model, settings) for name, model in known.items()}
    widths = [max(map(len, column)) for column in zip(TITLES, *rows.values(), strict=True)]
    print(_line(TITLES, widths))
    for stage, entry in TABLE.items():
        if part := [name for name, model in known.items() if model.stage == stage]:
            print(f"\n{entry.title}", *(_line(rows[name], widths) for name in part), sep="\n")
    print(LEGEND)
    return 0


def _row(model: Model, settings: Settings) -> tuple[str, ...]:
    spoken = model.languages
    return (
        model.name,
        _here(model, settings),
        "?" if model.size is None else f"{model.size / 1e6:,.0f}",
        "?" if model.memory is None else f"{model.memory:,}",
        ", ".join(model.runs),
        str(spoken) if isinstance(spoken, int) else _few(spoken),
        _few(f"{tag} {figure:.2f}" for tag, figure in model.quality.items()) or "no",
        _bound(model),
    )


def _bound(model: Model) -> str:
    use = ", NOT FOR COMMERCIAL USE" if model.commercial is False else ""
    return f"{model.licence}{use}{'' if model.pinned else '; no digests known'}"


def _few(parts: Iterable[str]) -> str:
    several = [*parts]
    return ", ".join(several) if len(several) <= 5 else f"{len(several)}: {', '.join(several[:3])}, …"


def _here(model: Model, settings: Settings) -> str:
    lost = missing(model, settings.models / model.name)
    return "yes" if not lost else "no" if len(lost) == len(model.files) else "in part"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _pull(model: Model, given: argparse.Namespace, settings: Settings) -> int:
    into = settings.models
    if model.accept and given.accept_licence:
        accept(model.accept, into)
    if model.accept and not accepted(model.accept, settings, into):
        raise ModelError(
            "licence_not_accepted",
            f"{model.name} is under the {model.licence}, which allows no commercial use: where you accept that, say so "
            f"once by --accept-licence, or by DRAGOMAN_LICENCES={model.accept}.",
        )
    # Here and not above: the library that speaks to the hub takes a second to load.
    from .pull import pull

    folder = pull(model, into, say=_say, revision=given.revision, trust=given.trust_first_download)
    print(*_hint(model, folder, settings), sep="\n")
    return 0


def _hint(model: Model, folder: Path, settings: Settings) -> Iterator[str]:
    """What to set so that the engine service uses it."""
    yield f"{model.name} is in {folder}."
    if not model.setting:
        return
    now = str(getattr(settings, model.setting.removeprefix("DRAGOMAN_").lower()))
    wanted = model.value.format(folder=folder)
    several = [part.strip() for part in now.split(",") if part.strip()]
    if wanted in several:
        yield f"{model.setting} names it already: the engine service takes it when it starts next."
    else:
        yield f"To use it: {model.setting}={','.join([*several, wanted] if model.listed else [wanted])}"


def _check(known: Mapping[str, Model], name: str | None, settings: Settings) -> int:
    there = {one: settings.models / one for one in known if (settings.models / one).is_dir()}
    if name:
        named(name, known)
        if name not in there:
            raise ModelError("not_here", f"{name} is not in {settings.models}.")
        there = {name: there[name]}
    if not there:
        print(f"There is no model in {settings.models}.")
    wrong = {one: _wrong(known[one], folder) for one, folder in there.items()}
    for one, said in wrong.items():
        print(f"{one}: {said or 'every byte as it should be'}")
    return 1 if any(wrong.values()) else 0


def _wrong(model: Model, folder: Path) -> str:
    try:
        lost = damaged(model, folder)
    except ModelError as error:
        return error.message
    return f"{', '.join(lost)} missing or damaged; `pull {model.name}` mends it" if lost else ""


def _measure(given: argparse.Namespace, settings: Settings) -> int:
    try:
        from .measure import Asked, rank
    except ImportError as error:
        if error.name != "sacrebleu":
            raise
        raise ModelError("no_measure", "Measuring needs the package sacrebleu, which is not installed.") from None

    chosen = {"languages": given.languages, "engines": given.engines, "into": given.write}
    rank(Asked(given.data, given.sentences, **{name: one for name, one in chosen.items() if one}), settings, _say)
    return 0


def _remove(model: Model, settings: Settings) -> int:
    from .pull import remove

    remove(model, settings.models, say=_say)
    print(f"{model.name} is removed.")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
