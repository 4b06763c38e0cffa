"""E-mail addresses and links that open something to whoever has them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from .kinds import Hit, Kind

_LABEL = r"(?:[A-Za-z0-9](?: [A-Za-z0-9]){1,20}(?![\w])|[\w-]{1,63})"
_DOMAIN = re.compile(rf"(?:[\w-]{{1,40}} ){{0,2}}?{_LABEL}(?: ?\.{_LABEL}){{1,6}}")
_LOCAL = re.compile(r"\w[\w.+'’-]{0,63}$|\w$")
_PIECE = re.compile(r"[^\W_]+")
_BETWEEN = re.compile(r"[ ,-]{1,2}")
_WORD_BEFORE = re.compile(r"[^\W\d_]{2,30} $")
_ARTICLE = re.compile(r"(?:the|a|an|my|our|your|his|her|their|this|that|le|la|el|der|die|das|o|um|un) ", re.IGNORECASE)
_LAST = re.compile(r"(?:[A-Za-z]{2,24}|[A-Za-z](?: [A-Za-z]){1,8})$")

NOBODY = frozenset(
    """it is are was were us me you him her them look looking available online live find found hosted reachable
    everything everyone here there out meet meeting see that this site page and or the a an to up on in one
    work works working we're we i he she they re s stay check disponible está esta estamos sitio página est
    sommes ist sind seite verfügbar steht findet é disponível""".split()
)
"""Words after which "at" names a place on the web, not somebody there."""


def emails(plain: str) -> Iterator[Hit]:
    """Addresses, also where their letters and digits are said one by one."""
    for at in re.finditer("@", plain):
        domain = _DOMAIN.match(plain, at.end())
        local = _LOCAL.search(plain, max(0, at.start() - 64), at.start())
        if not domain or not local or not _LAST.search(domain[0]) or _ARTICLE.match(domain[0]):
            continue
        start = _begin(plain, local)
        if plain[start : at.start()].casefold() not in NOBODY:
            yield Hit(Kind.email, start, domain.end())


def _begin(plain: str, local: re.Match[str]) -> int:
    """Where the part before the @ begins: letters and digits that were said one by one belong to it."""
    head = re.split(r"[.+_'’-]", local[0], maxsplit=1)[0]
    start = local.start()
    if len(head) > 1 and not head.isdecimal():
        return start
    for piece in reversed(list(_PIECE.finditer(plain, max(0, start - 120), start))):
        said = len(piece[0]) == 1 or (piece[0].isdecimal() and len(piece[0]) < 5)
        if not said or not _BETWEEN.fullmatch(plain, piece.end(), start):
            break
        start = piece.start()
    first = _PIECE.match(plain, start)
    if first and first[0].isdecimal():
        word = _WORD_BEFORE.search(plain, max(0, start - 32), start)
        if word and word[0].strip().casefold() not in NOBODY | _LINKING:
            start = word.start()
    return start


_LINKING = frozenset(
    "mail email address es correo dirección adresse est lautet ist endereço e-mail at my mi mon meine meu".split()
)

_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,12}:/ ?/ ?(?:[^\s/@\ufffc]{1,100}@)?)?"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}(?::\d{1,5})?"
    r"(?:[/?#][^\s\"'<>\ufffc]{0,2000}(?: (?:[A-Za-z]|\d{1,6})(?![^\W_])[^\s\"'<>\ufffc]{0,100}){0,60})?",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"://[^\s/:@]+:[^\s/@]+@")
_SECRET = re.compile(
    r"""[?&\#;/](?:[\w.%-]{0,30}(?:token|secret|passwor[dt]|passwd|senha|clave|contrase[ñn]a|mot_?de_?passe|signature
    |api_?key|apikey|credential|jwt)[\w.%-]{0,30}|pwd|key|auth|sig|sas|code|session|sessionid|sid|otp|invite|ticket
    |access|k|t|schlüssel|clé|cle|chave|schluessel|kennwort)=[^&\s]""",
    re.IGNORECASE | re.VERBOSE,
)
_TOKEN = re.compile(r"[A-Za-z0-9_~-]{16,}")


def links(plain: str) -> Iterator[Hit]:
    """Links with a password, a key, or a part that nobody could guess."""
    for match in _URL.finditer(plain):
        if _opens(match[0].replace(" ", "")):
            end = match.end() - len(match[0]) + len(match[0].rstrip(".,;:!?)]"))
            yield Hit(Kind.secret_url, match.start(), end)


def _opens(url: str) -> bool:
    if _LOGIN.search(url) or _SECRET.search(url):
        return True
    path = url.rsplit("://", maxsplit=1)[-1].partition("/")[2]
    return any(_unguessable(token) for token in _TOKEN.findall(path))


def _unguessable(token: str) -> bool:
    """Whether a part of a path is random: letters and digits that alternate, not words with hyphens or a date."""
    words = [word for word in re.split(r"[-_]", token) if word]
    if any(len(word) > 3 and word.isalpha() and word.islower() for word in words):
        return False
    kinds = ["d" if each.isdecimal() else "u" if each.isupper() else "l" for each in "".join(words)]
    turns = sum(one != other for one, other in itertools.pairwise(kinds))
    return "d" in kinds and len(set(kinds)) > 1 and turns >= 4
