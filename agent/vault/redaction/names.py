"""The names of those who take part, and words that a host has listed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from .kinds import Hit, Kind

SHORTEST = 2
"""Letters of a part of a name that is looked for alone."""
LONGEST = 24
"""Letters of a name that is spelled."""

AMBIGUOUS = frozenset(
    """will mark rose may grace hope faith bill frank art joy dawn june april august summer sky rich chase hunter
    pat sue drew grant dean miles page rob ray jean young long king day white black brown green gray grey
    stone wood woods field fields price cook baker taylor smith carter mason fisher butler bell hall hill
    rice case ford lane love wise ernst wolf klein lang schwarz weiss konig sommer jung gross berg stein
    bach stern fuchs vogel koch bauer richter kaiser dolores pilar rosario consuelo mercedes soledad paz luz
    sol cruz flores blanco santos angeles victoria reyes leon rojo pierre olive claire noel petit grand
    blanc rouge leblanc marine constant graca esperanca rosa pinto leite ramos campos costa rocha silva
    pereira lima vidal moreno bravo""".split()
)
"""Names that are words as well: alone, in small letters, they are the word."""
ORDINARY = frozenset(
    """contract budget meeting project money salary price cost report invoice order customer client company team office
    manager board question answer problem plan date time week month year today tomorrow yesterday morning number name
    address phone email password account bank payment offer product service system server data file page work people
    person child house home school doctor hospital patient court judge lawyer police lunch water coffee music thank
    thanks please hello yes maybe always never again good great better right left open close start stop speak translate
    vertrag budget besprechung treffen projekt geld gehalt preis kosten bericht rechnung auftrag kunde kundin firma
    gruppe leiter vorstand frage antwort problem plan datum zeit woche monat jahr heute morgen gestern nummer adresse
    telefon konto zahlung angebot produkt dienst daten datei seite arbeit leute mensch kind haus schule arzt gericht
    anwalt polizei essen wasser kaffee musik danke bitte hallo vielleicht immer nie gut besser rechts links anfang ende
    contrato presupuesto reunion proyecto dinero sueldo precio coste informe factura pedido cliente empresa equipo
    oficina jefe pregunta respuesta problema plan fecha tiempo semana mes ano hoy manana ayer numero direccion telefono
    cuenta pago oferta producto servicio sistema datos archivo pagina trabajo gente persona nino casa escuela medico
    juez abogado policia comida agua cafe musica gracias favor hola quizas siempre nunca bueno mejor derecha izquierda
    contrat budget reunion projet argent salaire prix cout rapport facture commande client entreprise equipe bureau
    chef question reponse probleme plan date temps semaine mois annee aujourd hier demain numero adresse telephone
    compte paiement offre produit service systeme donnees fichier page travail gens personne enfant maison ecole
    medecin juge avocat police repas eau cafe musique merci bonjour toujours jamais bon mieux droite gauche
    contrato orcamento reuniao projeto dinheiro salario preco custo relatorio fatura pedido cliente empresa equipe
    escritorio chefe pergunta resposta problema plano data tempo semana mes ano hoje amanha ontem numero endereco
    telefone conta pagamento oferta produto servico sistema dados arquivo pagina trabalho gente pessoa crianca casa
    escola medico juiz advogado policia comida agua cafe musica obrigado obrigada favor ola talvez sempre nunca bom
    melhor direita esquerda""".split()
)
"""Words that meetings are full of, in case somebody calls themselves so: with the above in any part of a name."""
PARTS = 6
"""Words of a name at most: what is longer is a sentence, and masks nothing."""
_LITTLE = frozenset(
    "de da do dos das del la las los le van von der den di du al el bin ibn mac mc o e y und the jr sr dr".split()
)
_WORDS_AFTER = frozenset(
    """you we i they he she it the a an this that these those there my your our his her their not be have ich du er
    sie wir ihr das der die ein eine je tu il elle nous vous on le la les un une yo el los las una nosotros
    eu o os as um uma nós""".split()
)
_WORDS_BEFORE = frozenset(
    """a an the this that these those each every any no some my your our their his its
    ein eine einen einem einer eines kein keine keinen keinem keiner dieser diese dieses diesen diesem jeder jede jedes
    jeden jedem mein meine meinen meinem unser unsere unseren unserem euer eure ihr ihre ihren ihrem sein seine seinen
    seinem zum zur beim im am ins vom
    un una unos unas este esta estos estas ese esa mi tu su nuestro nuestra cada ningun ninguna algun alguna
    une ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs chaque aucun aucune
    um uma uns umas esse essa meu minha nosso nossa seu sua nenhum nenhuma algum alguma""".split()
)
"""After these stands a thing and no person's name. Definite articles are left out where names may have them."""
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_ENDINGS = ("s", "'s", "’s", "'", "’", "es", "ns", "ens", "n", "en", "ito", "ita", "inho", "inha")


class Names:
    """Who takes part."""

    def __init__(self, names: Sequence[str]) -> None:
        wholes = [[fold(word[0]) for word in _WORD.finditer(name)] for name in names]
        wholes = [whole for whole in wholes if len(whole) <= PARTS]
        self._parts = {part for whole in wholes for part in whole if len(part) >= SHORTEST and part not in _LITTLE}
        """What may be meant alone."""
        self._single = {whole[0] for whole in wholes if len(whole) == 1}
        self._little = {part for whole in wholes for part in whole if part in _LITTLE}
        self._sounds = {sound(part) for part in self._parts if len(part) > 3 and part not in AMBIGUOUS}

    def find(self, text: str) -> Iterator[Hit]:
        """Every name, whole or in part, spelled nearly so, in the genitive, with or without its accents."""
        words = list(_WORD.finditer(text)) if self._parts else []
        at = 0
        while at < len(words):
            end = self._end(text, words, at)
            if end > at and self._meant(text, words, at, end):
                yield Hit(Kind.name, words[at].start(), words[end - 1].end())
            at = max(end, at + 1)

    def spelled(self, plain: str) -> Iterator[Hit]:
        """Names whose letters are said one by one, also where a word of one letter stands beside them."""
        for row in _SPELLED.finditer(plain) if self._parts else ():
            places = [at for at in range(*row.span()) if plain[at].isalpha()]
            letters = [fold(plain[at]) for at in places]
            for first in range(len(places)):
                for last in range(first + 2, min(len(places), first + LONGEST)):
                    if "".join(letters[first : last + 1]) in self._parts:
                        yield Hit(Kind.name, places[first], places[last] + 1)

    def _end(self, text: str, words: Sequence[re.Match[str]], first: int) -> int:
        """The place after the last part of the name that begins here; here where none does."""
        end = at = first
        while at < len(words) and (at == first or not text[words[at - 1].end() : words[at].start()].strip(" \t.-")):
            if self._part(words[at][0]):
                end = at + 1
            elif at == first or fold(words[at][0]) not in self._little:
                break
            at += 1
        return end

    def _part(self, word: str) -> str | None:
        """The part of a name that a word is; None where it is none."""
        folded = fold(word)
        if folded in self._parts and (len(folded) > 3 or word[0].isupper()):
            return folded
        if not word[0].isupper():
            return None
        for form in _forms(folded):
            if form in self._parts or (len(form) > 3 and sound(form) in self._sounds):
                return form
        return None

    def _meant(self, text: str, words: Sequence[re.Match[str]], first: int, end: int) -> bool:
        """Whether it is the name and not a word: people call themselves what they like, and others say that word.

        Several parts of a name are meant in whatever letters. One part alone is not where a word stands
        before it that has things after it ("our Contract", "ein Vertrag"), and needs a capital where
        it is a word that we know, or all of somebody's name.
        """
        word = words[first][0]
        if end - first > 1:
            return True
        part = self._part(word) or ""
        doubtful = part in AMBIGUOUS or part in ORDINARY or part in self._single
        if doubtful and (not word[0].isupper() or self._is_a_thing(text, words, first)):
            return False
        if part not in AMBIGUOUS:
            return True
        before = text[: words[first].start()].rstrip()
        opens = not before or before[-1] in ".!?…¿¡:"
        return not (opens and end < len(words) and words[end][0].casefold() in _WORDS_AFTER)

    @staticmethod
    def _is_a_thing(text: str, words: Sequence[re.Match[str]], at: int) -> bool:
        beside = at > 0 and not text[words[at - 1].end() : words[at].start()].strip()
        return beside and fold(words[at - 1][0]) in _WORDS_BEFORE


_SPELLED = re.compile(r"(?<![^\W_])[^\W\d_](?:[\s,.\-]{1,2}[^\W\d_](?![^\W_])){1,20}")


def _forms(folded: str) -> Iterator[str]:
    """A word, and what it is without an ending."""
    yield folded
    for ending in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= SHORTEST:
            yield folded[: -len(ending)]


def fold(text: str) -> str:
    """Small letters without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each)).replace("’", "'")


_SOUNDS = (
    (re.compile("ph"), "f"), (re.compile("sch|sh|ch"), "x"), (re.compile("th|dt|tt"), "t"),
    (re.compile("c(?=[eiy])|z|ç"), "s"), (re.compile("ck|c|q"), "k"), (re.compile("y|ie|ee|ea"), "i"),
    (re.compile("w"), "v"),
    (re.compile("[ou]e"), "u"), (re.compile("(?<=[aeiou])h|h$"), ""), (re.compile(r"(.)\1+"), r"\1"),
)  # fmt: skip


def sound(folded: str) -> str:
    """About how a name sounds: Catherine is Katherine, Schmitt is Schmidt."""
    for what, by in _SOUNDS:
        folded = what.sub(by, folded)
    return folded


class Words:
    """A host's own list, in whatever letters and with whatever spaces."""

    def __init__(self, words: Sequence[str]) -> None:
        forms = sorted({fold(word).strip() for word in words} - {""}, key=len, reverse=True)
        spaced = [r"\s+".join(map(re.escape, form.split())) for form in forms]
        self._pattern = re.compile("|".join(rf"(?<!\w){form}(?!\w)" for form in spaced)) if spaced else None

    def find(self, text: str) -> Iterator[Hit]:
        if self._pattern:
            folded, places = _folded(text)
            for match in self._pattern.finditer(folded):
                yield Hit(Kind.custom, places[match.start()], places[match.end() - 1] + 1)


def _folded(text: str) -> tuple[str, list[int]]:
    """A folded text, and which character of the text each of its characters comes from."""
    pairs = [(letter, at) for at, each in enumerate(text) for letter in fold(each)]
    return "".join(letter for letter, _ in pairs), [at for _, at in pairs]
