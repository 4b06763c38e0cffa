"""How the signs of addresses and numbers are said aloud, by language."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = frozenset({"en", "es", "fr", "de", "pt"})
"""Those whose spoken numbers and signs are read; of other languages what is written is."""

_SHARED = {"dot": ".", "underscore": "_", "slash": "/"}

SIGNS: Mapping[str, Mapping[str, str]] = {
    "en": _SHARED
    | {
        "at": "@", "at sign": "@", "at symbol": "@", "point": ".", "dash": "-", "hyphen": "-", "minus": "-",
        "underline": "_", "forward slash": "/", "colon": ":", "question mark": "?", "equals": "=",
        "equal sign": "=", "equals sign": "=", "ampersand": "&", "plus": "+", "plus sign": "+",
    },
    "es": _SHARED
    | {
        "arroba": "@", "punto": ".", "guion": "-", "guión": "-", "guion medio": "-", "guión medio": "-",
        "guion bajo": "_", "guión bajo": "_", "subguion": "_", "barra": "/", "barra baja": "_", "dos puntos": ":",
        "signo de interrogación": "?", "interrogación": "?", "igual": "=", "igual a": "=", "más": "+", "mas": "+",
    },
    "fr": _SHARED
    | {
        "arobase": "@", "arrobase": "@", "arobas": "@", "arobaze": "@", "at": "@", "point": ".", "tiret": "-",
        "trait d union": "-", "tiret bas": "_", "tiret du bas": "_", "barre oblique": "/", "deux points": ":",
        "point d interrogation": "?", "égal": "=", "égale": "=", "égal à": "=", "plus": "+",
    },
    "de": _SHARED
    | {
        "at": "@", "ät": "@", "at zeichen": "@", "ät zeichen": "@", "klammeraffe": "@", "klammeraffen": "@",
        "punkt": ".", "bindestrich": "-", "minus": "-", "strich": "-", "unterstrich": "_", "schrägstrich": "/",
        "doppelpunkt": ":", "fragezeichen": "?", "gleich": "=", "ist gleich": "=", "gleichheitszeichen": "=",
        "plus": "+",
    },
    "pt": _SHARED
    | {
        "arroba": "@", "ponto": ".", "hífen": "-", "hifen": "-", "traço": "-", "underline": "_",
        "sublinhado": "_", "traço inferior": "_", "barra": "/", "dois pontos": ":", "ponto de interrogação": "?",
        "interrogação": "?", "igual": "=", "igual a": "=", "mais": "+",
    },
}  # fmt: skip
"""Words that are signs; `+` only before a number, for "plus" and "más" are common words."""

FILLERS: Mapping[str, frozenset[str]] = {
    "en": frozenset({"uh", "um", "er", "erm", "hmm", "then", "okay", "ok", "yes", "yeah", "so", "space", "and"}),
    "es": frozenset({"eh", "este", "luego", "después", "sí", "vale", "espacio", "entonces"}),
    "fr": frozenset({"euh", "heu", "hum", "puis", "ensuite", "oui", "alors", "espace", "voilà", "et"}),
    "de": frozenset({"äh", "ähm", "hm", "dann", "ja", "also", "danach", "leerzeichen", "okay", "und"}),
    "pt": frozenset({"hã", "hum", "ah", "depois", "sim", "então", "espaço", "pronto"}),
}
"""Words that people say between the parts of a number."""

ALSO: Mapping[str, Mapping[str, str]] = {
    "en": {
        "oh": "zero", "o": "zero", "nought": "zero", "naught": "zero", "free": "three", "tree": "three", "ate": "eight",
    },
    "es": {
        "dieciseis": "dieciséis", "veintidos": "veintidós", "veintitres": "veintitrés", "veintiseis": "veintiséis",
        "ún": "uno",
    },
    "fr": {"zero": "zéro", "une": "un"},
    "de": {"fuenf": "fünf", "zwoelf": "zwölf", "zwo": "zwei"},
    "pt": {"meia": "seis", "tres": "três", "zéro": "zero"},
}  # fmt: skip
"""Other words for numbers, and what is heard for them: "oh" is a zero in English, "meia" (half a dozen) a six."""
ONLY_AMONG_NUMBERS = frozenset({"oh", "o", "meia", "free", "tree", "ate"})

TIMES: Mapping[str, Mapping[str, int]] = {
    "en": {"double": 2, "triple": 3, "treble": 3},
    "es": {"doble": 2, "triple": 3},
    "fr": {"double": 2, "triple": 3},
    "de": {"doppel": 2, "doppelt": 2, "zweimal": 2, "dreimal": 3},
    "pt": {"duplo": 2, "triplo": 3},
}
""""Double seven": a digit that is said once and stands more often."""

LETTERS: Mapping[str, Mapping[str, str]] = {
    "en": {"double u": "w", "zed": "z", "zee": "z", "aitch": "h"},
    "es": {
        "be": "b", "ce": "c", "efe": "f", "ge": "g", "hache": "h", "jota": "j", "ka": "k", "ele": "l", "eme": "m",
        "ene": "n", "eñe": "ñ", "pe": "p", "cu": "q", "erre": "r", "ese": "s", "uve": "v", "ve": "v",
        "doble uve": "w", "uve doble": "w", "doble ve": "w", "doble u": "w", "equis": "x", "i griega": "y",
        "ye": "y", "zeta": "z",
    },
    "fr": {
        "bé": "b", "cé": "c", "dé": "d", "effe": "f", "gé": "g", "hache": "h", "ji": "j", "ka": "k", "pé": "p",
        "erre": "r", "esse": "s", "vé": "v", "double v": "w", "double vé": "w", "ixe": "x", "i grec": "y",
        "zède": "z",
    },
    "de": {"jott": "j", "vau": "v", "ix": "x", "ypsilon": "y", "zett": "z", "zet": "z", "be": "b", "ce": "c",
           "ka": "k", "pe": "p", "ku": "q"},
    "pt": {
        "bê": "b", "cê": "c", "dê": "d", "efe": "f", "gê": "g", "agá": "h", "jota": "j", "cá": "k", "capa": "k",
        "ele": "l", "eme": "m", "ene": "n", "pê": "p", "quê": "q", "erre": "r", "esse": "s", "tê": "t", "vê": "v",
        "dáblio": "w", "dabliu": "w", "duplo v": "w", "xis": "x", "ípsilon": "y", "i grego": "y", "zê": "z",
    },
}  # fmt: skip
"""The names of letters as recognizers write them; read so only beside a number or another letter."""

LIKE: Mapping[str, frozenset[str]] = {
    "en": frozenset({"as in", "for", "like"}),
    "es": frozenset({"de", "como"}),
    "fr": frozenset({"comme", "de"}),
    "de": frozenset({"wie"}),
    "pt": frozenset({"de", "como"}),
}
""""N as in November": a letter, and a word that begins with it."""

MONTHS: Mapping[str, tuple[str, ...]] = {
    "en": tuple(
        "january february march april may june july august september october november december "
        "jan feb mar apr jun jul aug sep sept oct nov dec".split()
    ),
    "es": tuple(
        "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre".split()
    ),
    "fr": tuple("janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()),
    "de": tuple("januar jänner februar märz april mai juni juli august september oktober november dezember".split()),
    "pt": tuple("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()),
}
