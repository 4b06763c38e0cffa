"""Composes the redaction set: `python -m bench.redaction_set`.

Sentences are hand-written, values are made by rules of their own (checksums, plans, dates) that share no code with what
finds them, and are said by num2words. Of each language's sentences every second one is held out: the finder was not
tuned on those.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from num2words import num2words

from agent.vault.redaction import Redactor

from .redaction_sentences import CARRIERS, NAMES, NEGATIVES, SIGNS, WORDS

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "redaction"
LANGUAGES = ("en", "es", "fr", "de", "pt")
EACH = 20
"""Sentences per language, kind, form and half."""
SEED = 31


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        rows = list(composed(language, random.Random(f"{SEED} {language}")))  # noqa: S311  (not for secrets)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (FOLDER / f"{language}.jsonl").write_text(text)
        print(language, len(rows))


def redactors() -> dict[str, Redactor]:
    """One a language: a meeting with these people and this list."""
    return {language: Redactor(names=NAMES[language], words=WORDS[language]) for language in LANGUAGES}


def composed(language: str, dice: random.Random) -> Iterator[dict[str, Any]]:
    for kind, maker in MAKERS.items():
        for form in ("written", "spoken"):
            for half in ("tuned", "held out"):
                carriers = CARRIERS[language][kind][half == "held out" :: 2]
                seen: set[str] = set()
                for _ in range(50 * EACH):  # a list of four words makes fewer sentences
                    row = filled(dice.choice(carriers), maker(language, form, dice), kind)
                    if row["text"] not in seen and len(seen) < EACH:
                        seen.add(row["text"])
                        yield {"language": language, "form": form, "half": half, **row}
    for at, text in enumerate(NEGATIVES[language]):
        half = "held out" if at % 2 else "tuned"
        yield {"language": language, "form": "none", "half": half, "kind": "none", "text": text, "spans": []}


def filled(carrier: str, value: str, kind: str) -> dict[str, Any]:
    start = carrier.index("{}")
    return {"kind": kind, "text": carrier.replace("{}", value), "spans": [[start, start + len(value), kind]]}


# Saying


def number(language: str, value: int, **how: str) -> str:
    return str(num2words(value, lang={"pt": "pt_BR"}.get(language, language), **how)).replace(",", "")


def digits(language: str, row: str, dice: random.Random) -> str:
    """A row of digits said one by one, in twos, or with "double", in breaths of three to four."""
    way = dice.choice(("ones", "ones", "twos", "double"))
    if way == "twos" and len(row) % 2 == 0:
        pairs = [row[at : at + 2] for at in range(0, len(row), 2)]
        said = [
            " ".join(number(language, int(d)) for d in p) if p[0] == "0" else number(language, int(p)) for p in pairs
        ]
    else:
        said = []
        for digit in row:
            if way == "double" and language == "en" and said and said[-1] == number(language, int(digit)):
                said[-1] = f"double {said[-1]}"
            else:
                said.append(number(language, int(digit)))
    return breaths(said, dice)


def breaths(said: Sequence[str], dice: random.Random) -> str:
    """Words with a comma or nothing after every few of them."""
    every, mark = dice.choice((3, 4)), dice.choice((",", "", ","))
    return " ".join(
        word + (mark if at % every == every - 1 and at + 1 < len(said) else "") for at, word in enumerate(said)
    )


def mixed(language: str, code: str, dice: random.Random) -> str:
    """A code of letters and digits, said one by one."""
    said = [number(language, int(each)) if each.isdecimal() else dice.choice((each, each.lower())) for each in code]
    return breaths(said, dice)


def signs(language: str, text: str, dice: random.Random) -> str:
    """An address with its signs said."""
    said, word = [], ""
    for each in text:
        if each in SIGNS[language] or each.isdecimal():
            if word:
                said.append(word)
            word = ""
            said.append(SIGNS[language].get(each) or number(language, int(each)))
        else:
            word += each
    return " ".join([*said, word] if word else said)


# Making


def luhn(body: str) -> str:
    total = 0
    for at, digit in enumerate(reversed(body)):
        twice = int(digit) * 2 if at % 2 == 0 else int(digit)
        total += twice - 9 if twice > 9 else twice
    return body + str(-total % 10)


def some(dice: random.Random, count: int) -> str:
    return "".join(dice.choice("0123456789") for _ in range(count))


def card(language: str, form: str, dice: random.Random) -> str:
    start = dice.choice(("4", "4", "51", "55", "2221", "37", "6011"))
    row = luhn(start + some(dice, (14 if start == "37" else 15) - len(start)))
    if form == "spoken":
        return digits(language, row, dice)
    cuts = (0, 4, 10, 15) if len(row) == 15 else (0, 4, 8, 12, 16)
    parts = [row[a:b] for a, b in itertools.pairwise(cuts)]
    return dice.choice((" ", "-", "", " ")).join(parts)


def iban(language: str, form: str, dice: random.Random) -> str:
    country, bban = {"en": gb, "es": es, "fr": fr, "de": de, "pt": pt}[language](dice)
    rest = "".join(str(int(each, 36)) for each in bban + country + "00")
    code = f"{country}{98 - int(rest) % 97:02}{bban}"
    if form == "spoken":
        return mixed(language, code, dice)
    return dice.choice((code, " ".join(code[at : at + 4] for at in range(0, len(code), 4))))


def gb(dice: random.Random) -> tuple[str, str]:
    return "GB", dice.choice(("NWBK", "BARC", "LOYD", "MIDL")) + some(dice, 14)


def es(dice: random.Random) -> tuple[str, str]:
    bank, account = some(dice, 8), some(dice, 10)
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
    checks = [sum(w * int(d) for w, d in zip(weights, row, strict=True)) for row in ("00" + bank, account)]
    control = "".join({10: "1", 11: "0"}.get(11 - check % 11, str(11 - check % 11)) for check in checks)
    return "ES", bank + control + account


def fr(dice: random.Random) -> tuple[str, str]:
    return "FR", some(dice, 23)


def de(dice: random.Random) -> tuple[str, str]:
    return "DE", some(dice, 18)


def pt(dice: random.Random) -> tuple[str, str]:
    return "PT", some(dice, 21)


def email(language: str, form: str, dice: random.Random) -> str:
    first, last = (fold(part) for part in dice.choice(NAMES[language]).split(maxsplit=1))
    local = dice.choice(
        (first, f"{first}.{last}", f"{first[0]}.{last}", f"{first}_{last}", f"{first}-{last}", f"{first}7")
    )
    local = local.replace(" ", "")
    domain = dice.choice(("example.org", "example.com", "mail.example.net", "gmx.example.de", "correo.example.es"))
    if form == "written":
        return f"{local}@{domain}"
    return signs(language, f"{local}@{domain}", dice)


def fold(text: str) -> str:
    return text.lower().translate(str.maketrans("áàâãäåçéèêëíìîïñóòôõöúùûüß", "aaaaaaceeeeiiiinooooouuuus"))


# Numbers that no one has where a country keeps some apart for stories (United States, United Kingdom, France, Germany).
PHONES: dict[str, Sequence[Callable[[random.Random], tuple[str, str]]]] = {
    "en": (
        lambda dice: ("({}{}{}) {}{}{}-{}{}{}{}", dice.choice(("415", "212", "646", "305")) + "55501" + some(dice, 2)),
        lambda dice: ("{}{}{}-{}{}{}-{}{}{}{}", dice.choice(("415", "212", "646", "305")) + "55501" + some(dice, 2)),
        lambda dice: ("{}{}{}{}{} {}{}{} {}{}{}", "07700900" + some(dice, 3)),
        lambda dice: ("+{}{} {}{}{}{} {}{}{}{}{}{}", "447700900" + some(dice, 3)),
    ),
    "es": (
        lambda dice: ("{}{}{} {}{}{} {}{}{}", "6" + some(dice, 8)),
        lambda dice: ("{}{}{} {}{} {}{} {}{}", "91" + some(dice, 7)),
        lambda dice: ("+{}{} {}{}{} {}{}{} {}{}{}", "346" + some(dice, 8)),
    ),
    "fr": (
        lambda dice: ("{}{} {}{} {}{} {}{} {}{}", "063998" + some(dice, 4)),
        lambda dice: ("{}{}.{}{}.{}{}.{}{}.{}{}", "019900" + some(dice, 4)),
        lambda dice: ("+{}{} {} {}{} {}{} {}{} {}{}", "33639980" + some(dice, 3)),
    ),
    "de": (
        lambda dice: ("{}{}{}{} {}{}{}{}{}{}{}", "017139200" + some(dice, 2)),
        lambda dice: ("{}{}{}/{}{}{}{}{}{}{}{}", "03023125" + some(dice, 3)),
        lambda dice: ("+{}{} {}{} {}{}{}{}{}{}{}{}", "493023125" + some(dice, 3)),
    ),
    "pt": (
        lambda dice: ("{}{}{} {}{}{} {}{}{}", "91" + some(dice, 7)),
        lambda dice: ("({}{}) {}{}{}{}{}-{}{}{}{}", "119" + dice.choice("6789") + some(dice, 7)),
        lambda dice: ("+{}{}{} {}{}{} {}{}{} {}{}{}", "35191" + some(dice, 7)),
    ),
}
PLUS = {"en": "plus", "es": "más", "fr": "plus", "de": "plus", "pt": "mais"}


def phone(language: str, form: str, dice: random.Random) -> str:
    shape, row = dice.choice(PHONES[language])(dice)
    if form == "written":
        return shape.format(*row)
    said = digits(language, row, dice)
    if language == "en" and dice.random() < 0.5:
        said = said.replace("zero", "oh")
    return f"{PLUS[language]} {said}" if shape[0] == "+" else said


def ip(language: str, form: str, dice: random.Random) -> str:
    if form == "written" and dice.random() < 0.25:
        return ":".join(["2001", "db8", *(f"{dice.randrange(1, 65536):x}" for _ in range(6))])
    octets = [dice.choice((10, 172, 192, 203)), *(dice.randrange(256) for _ in range(3))]
    if form == "written":
        return ".".join(map(str, octets))
    one_by_one = dice.random() < 0.5
    dot = f" {SIGNS[language]['.']} "
    return dot.join(
        " ".join(number(language, int(d)) for d in str(octet)) if one_by_one else number(language, octet)
        for octet in octets
    )


def ssn(dice: random.Random) -> tuple[str, str]:
    row = f"{dice.randrange(1, 665):03}{dice.randrange(1, 99):02}{dice.randrange(1, 9999):04}"
    return row, f"{row[:3]}-{row[3:5]}-{row[5:]}"


def nino(dice: random.Random) -> tuple[str, str]:
    row = dice.choice(("AB", "CE", "JG", "PX", "SR")) + some(dice, 6) + dice.choice("ABCD")
    return row, dice.choice((row, f"{row[:2]} {row[2:4]} {row[4:6]} {row[6:8]} {row[8]}"))


def dni(dice: random.Random) -> tuple[str, str]:
    body = some(dice, 8)
    row = body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]
    return row, dice.choice((row, f"{body}-{row[8]}"))


def nie(dice: random.Random) -> tuple[str, str]:
    body = some(dice, 7)
    start = dice.randrange(3)
    row = "XYZ"[start] + body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(f"{start}{body}") % 23]
    return row, dice.choice((row, f"{row[0]}-{body}-{row[8]}"))


def nir(dice: random.Random) -> tuple[str, str]:
    body = f"{dice.choice('12')}{some(dice, 2)}{dice.randrange(1, 13):02}{dice.randrange(1, 20):02}{some(dice, 6)}"
    row = f"{body}{97 - int(body) % 97:02}"
    return row, dice.choice((row, f"{row[0]} {row[1:3]} {row[3:5]} {row[5:7]} {row[7:10]} {row[10:13]} {row[13:]}"))


def idnr(dice: random.Random) -> tuple[str, str]:
    shuffled = dice.sample("0123456789", 9)
    body = shuffled[:]
    body.insert(dice.randrange(1, 10), dice.choice(shuffled))
    while body[0] == "0" or any(a == b for a, b in itertools.pairwise(body)):
        dice.shuffle(body)
    rest = 10
    for digit in body:
        rest = (int(digit) + rest) % 10 or 10
        rest = rest * 2 % 11
    row = "".join(body) + str((11 - rest) % 10)
    return row, dice.choice((row, f"{row[:2]} {row[2:5]} {row[5:8]} {row[8:]}"))


def nif(dice: random.Random) -> tuple[str, str]:
    body = dice.choice("12") + some(dice, 7)
    check = 11 - sum(int(d) * w for d, w in zip(body, range(9, 1, -1), strict=True)) % 11
    row = body + str(check if check < 10 else 0)
    return row, dice.choice((row, f"{row[:3]} {row[3:6]} {row[6:]}"))


def cpf(dice: random.Random) -> tuple[str, str]:
    row = some(dice, 9)
    for _ in range(2):
        total = sum(int(d) * w for d, w in zip(row, range(len(row) + 1, 1, -1), strict=True))
        row += str(total * 10 % 11 % 10)
    return row, dice.choice((row, f"{row[:3]}.{row[3:6]}.{row[6:9]}-{row[9:]}"))


IDS: dict[str, Sequence[Callable[[random.Random], tuple[str, str]]]] = {
    "en": (ssn, nino), "es": (dni, nie), "fr": (nir,), "de": (idnr,), "pt": (nif, cpf),
}  # fmt: skip


def national_id(language: str, form: str, dice: random.Random) -> str:
    row, written = dice.choice(IDS[language])(dice)
    if form == "written":
        return written
    return digits(language, row, dice) if row.isdecimal() else mixed(language, row, dice)


def secret_url(language: str, form: str, dice: random.Random) -> str:
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    token = "".join(dice.choice(alphabet) for _ in range(6 if form == "spoken" else 22))
    if form == "written":
        return dice.choice(
            (
                f"https://example.org/reset?token={token}",
                f"https://files.example.com/share/{token[:11].upper()}{token[11:]}7x3K9b",
                f"https://meet.example.net/j/93847561?pwd={token[:12]}",
                f"https://anna:{token[:9]}@db.example.org/reports",
                f"https://api.example.com/v1/users?lang=en&api_key={token}",
                f"https://bucket.example.com/a.zip?X-Amz-Signature={token}&X-Amz-Expires=600",
            )
        )
    word = dice.choice(("token", "key", "code"))
    said = signs(language, f"example.org/{dice.choice(('reset', 'share', 'login'))}?{word}=", dice)
    return f"{said} {' '.join(number(language, int(e)) if e.isdecimal() else e for e in token)}"


MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
DATES = {
    "en": ("{m} {d}, {y}", "{d} {m} {y}", "{n:02}/{d:02}/{y}", "{y}-{n:02}-{d:02}"),
    "es": ("{d} de {m} de {y}", "{d:02}/{n:02}/{y}", "{d}-{n}-{y}"),
    "fr": ("{d} {m} {y}", "{d:02}/{n:02}/{y}", "{d:02}.{n:02}.{y}"),
    "de": ("{d}. {m} {y}", "{d:02}.{n:02}.{y}", "{d}.{n}.{y}"),
    "pt": ("{d} de {m} de {y}", "{d:02}/{n:02}/{y}", "{d:02}-{n:02}-{y}"),
}


def birth_date(language: str, form: str, dice: random.Random) -> str:
    day, month, year = dice.randrange(2, 29), dice.randrange(1, 13), dice.randrange(1940, 2006)
    name = MONTHS[language].split()[month - 1]
    if form == "written":
        return dice.choice(DATES[language]).format(d=day, n=month, m=name, y=year)
    match language:
        case "en":
            said = number("en", year, to="year")
            ordinal = number("en", day, to="ordinal")
            return dice.choice((f"{name} {ordinal} {said}", f"the {ordinal} of {name}, {said}"))
        case "de":
            return f"{number('de', day, to='ordinal')}n {name} {number('de', year, to='year')}"
        case "fr":
            return f"{number('fr', day)} {name} {number('fr', year)}"
        case _:
            return f"{number(language, day)} de {name} de {number(language, year)}"


def name(language: str, form: str, dice: random.Random) -> str:
    whole = dice.choice(NAMES[language])
    first, last = whole.split(maxsplit=1)
    if form == "written":
        return dice.choice((whole, first, last))
    plain = " ".join(part.capitalize() for part in fold(whole).split())
    return dice.choice((plain, whole, first, " ".join(first.upper()), "-".join(fold(first).upper())))


def custom(language: str, form: str, dice: random.Random) -> str:
    word = dice.choice(WORDS[language])
    return word if form == "written" else fold(word)


MAKERS: dict[str, Callable[[str, str, random.Random], str]] = {
    "card": card, "iban": iban, "email": email, "phone": phone, "ip": ip, "national_id": national_id,
    "secret_url": secret_url, "birth_date": birth_date, "name": name, "custom": custom,
}  # fmt: skip


if __name__ == "__main__":
    main()
