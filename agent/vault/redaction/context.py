"""What a number is said to be, by the words around it."""

from __future__ import annotations

import re
from bisect import bisect_right

from .kinds import Kind

BEFORE = 80
"""Characters before a number in which words tell what it is."""
AFTER = 30

_WORDS: dict[str, str] = {
    Kind.card: r"""\w*cards?|card number|visa|mastercard|amex
        |american express|tarjetas?|cartes?(?: bancaire| bleue)?|\w*karten?(?:nummer)?|cartão|cartões""",
    Kind.iban: r"iban|i b a n|bank account|kontonummer|cuenta bancaria|compte bancaire|conta bancária|bankverbindung",
    Kind.national_id: r"""(?:the|my|her|his|your) social|social security|ssn|s s n|national insurance|nino|dni
        |d n i|nie|n i e|nif|n i f
        |documento (?:nacional )?de identidad|sécurité sociale|numéro de sécu|nir|insee
        |steuer-?\ ?id\w*|steuer-?\ ?identifikationsnummer|steuerliche identifikationsnummer|identifikationsnummer
        |idnr|contribuinte|cpf|c p f|cartão de cidadão|número de cidadão|bilhete de identidade
        |identificação fiscal""",
    Kind.birth_date: r"""born|birth ?-?days?|birth ?-?dates?|date of birth|dob|d o b
        |nac[íi]|nació|nacid[oa]s?|nacer|nacimiento|cumpleaños|cumplo años|cumple
        |née?s?|naissance|naquit|naquis|anniversaire|naître
        |geboren\w*|geburts\w+|geb
        |nasc[ie]\w*|nascimento|nascid[oa]s?|aniversário|faço anos|faz anos""",
    "version": r"""version|versions|release|firmware|build|v|versión|versi[óo]n|versão|release|chapter|section
        |paragraph
        |sección|capítulo|apartado|chapitre|article|abschnitt|kapitel|paragraf|seção|secção|capítulo""",
    "other": r"""order|invoice|ticket|tracking|case number|reference|receipt|serial|part number|article number
        |item|sku
        |booking|pedido|factura|referencia|seguimiento|expediente|número de serie|reserva
        |commande|facture|référence|suivi|dossier|numéro de série|réservation
        |bestell\w*|rechnung\w*|vorgang\w*|aktenzeichen|seriennummer|artikelnummer|sendung\w*|buchung\w*
        |encomenda|fatura|referência|processo|rastreio|rastreamento|número de série""",
    Kind.phone: r"""phone|telephone|cell|number (?:for|of)|numbers? to call|mobile
        |call (?:me|us|him|her|them|back)|(?:call|ring|text)(?= [+(]?\d)|ring (?:me|us)|text me
        |reach (?:me|us|him|her)
        |whats ?app|fax|my number is|his number is|her number is|our number is|dial
        |tel[ée]fonos?|tel|número de(?:l| la)|m[óo]vil|celular|ll[áa]m[ae]\w*|l?l[áa]menos|marque|mi número es
        |téléphone|numéro d[eu]|portable|mobile|appel\w*|rappel\w*|joindre|joignable|mon numéro(?! d)
        |numéro de tél|tél
        |telefon\w*|nummer de[rs]|handy\w*|mobilnummer|rufnummer|durchwahl|anrufen|zurückrufen|rufen sie|ruf mich
        |erreich\w*|meine nummer
        |telem[óo]vel|número d[aoe]|telefone|ligue\w*|ligar|liga-me|me liga|contato|contacto|meu número(?! d)|zap""",
}
_ALL = re.compile(
    "|".join(
        rf"(?P<{kind}>(?<!\w)(?:{words})(?!\w))"
        for kind, words in ((kind, re.sub("\\s*\n\\s*", "", text)) for kind, text in _WORDS.items())
    ),
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"\s*(?:[$€£%]|(?:dollars?|euros?|pounds?|cents?|percent|per cent|million|billion|pesos?|reais|real|libras?"
    r"|dólares|livres?|millions?|milliards?|millionen|milliarden|mil millones|millones|milhões|pfund|prozent"
    r"|kilometers?|kilometres?|kilómetros|quilómetros|quilômetros|kilomètres|kilometer|metres?|meters?|people|users?"
    r"|personas|personnes|pessoas|personen|usuarios|utilisateurs|nutzer|usuários|habitantes|habitants|einwohner"
    r"|followers|views|tokens|bytes|rows|lines|units|unidades|einheiten|unités|stück|inhabitants)\b)",
    re.IGNORECASE,
)


class Context:
    """The telling words of one text."""

    def __init__(self, plain: str) -> None:
        self._plain = plain
        found = [(m.start(), m.end(), str(m.lastgroup)) for m in _ALL.finditer(plain)]
        self._starts = [start for start, _, _ in found]
        self._ends = [end for _, end, _ in found]
        self._kinds = [kind for _, _, kind in found]

    def of(self, start: int, end: int) -> str:
        """The kind named nearest before these characters, else soon after them; empty where none is."""
        at = bisect_right(self._ends, start) - 1
        if at >= 0 and self._is_near(at, start):
            return self._kinds[at]
        at = bisect_right(self._starts, end - 1)
        if at < len(self._starts) and self._starts[at] - end <= AFTER:
            return self._kinds[at]
        return ""

    def near(self, kind: str, start: int, end: int) -> bool:
        """Whether words of a kind stand before these characters or soon after them, whatever else does."""
        at = bisect_right(self._ends, start)
        for place in range(at - 1, -1, -1):
            if not self._is_near(place, start):
                break
            if self._kinds[place] == kind:
                return True
        for place in range(bisect_right(self._starts, end - 1), len(self._starts)):
            if self._starts[place] - end > AFTER:
                break
            if self._kinds[place] == kind:
                return True
        return False

    def _is_near(self, place: int, start: int) -> bool:
        """Whether a word stands soon before a number: in the same segment or the one before it."""
        end = self._ends[place]
        return start - end <= BEFORE and self._plain.count("\n", end, start) < 2

    def amount(self, start: int, end: int) -> bool:
        """Whether these characters are an amount of something."""
        before = self._plain[max(0, start - 2) : start].rstrip()
        return before.endswith(("$", "€", "£")) or _MONEY.match(self._plain, end) is not None
