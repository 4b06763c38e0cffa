"""What was settled becomes rows that nobody reads without the tenant's keys.

What can go wrong, and why things happen in this order:

- **There is no key.** Then `items` raises, and nothing of this final is written anywhere: never in the clear.
- **A record is stored whose key is not.** Nobody could read it. So a key's row goes in front of what it seals, each
  time, until the row is on the disk or in Postgres.
- **Somebody is erased.** Each speaker and each kind of text has a key of its own, so that destroying those keys takes
  just what that person said. Identity and name are sealed under another key of theirs, never beside the record.
- **A record is moved to another place.** A sealed text is bound to its tenant, room, meeting, clause, revision,
  language, speaker and kind (`Place`): it opens nowhere else.

The order for each final: the texts that the policy keeps (masked, where it says so), the speaker's pseudonym, their
name where it is new, then the text itself, each under its key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ...nouns import Caption, Record, Segment
from ..crypto.envelope import Place, seal
from ..crypto.ids import of_name, segment_id
from .agreement import Agreement, Names
from .data_keys import DataKeys, Keys
from .speakers import Speakers, Who
from .spool_file import Item
from .store import Speaker
from .texts import Text, texts

Seconds = float


class Sealing:
    """Of one meeting, by one agreement."""

    def __init__(
        self, agreement: Agreement, keys: Keys, names: Names | None = None, now: Callable[[], Seconds] = time.monotonic
    ) -> None:
        names = names or Names()
        self._meeting = agreement.meeting
        self._terms = agreement.keeps.terms
        self._zero = datetime.fromtimestamp(agreement.zero, UTC)
        self._texts = texts(agreement.keeps, names.all)
        self._name_of = names.of
        self.keys = DataKeys(keys, agreement.meeting.id, now)
        self.speakers = Speakers(agreement.meeting.id, keys, self.keys)

    def keeps(self, said: Segment | Caption) -> bool:
        """Whether the policy keeps anything of this."""
        kinds = {"translation"} if isinstance(said, Caption) else {"source", "redacted"}
        return bool(kinds & self._terms.keys())

    async def items(self, said: Segment | Caption) -> list[Item]:
        """The rows that this final is kept as, with those of keys and names that they need. Raises `VaultError`."""
        items: list[Item] = []
        for text in await self._texts.of(said):
            who = await self.speakers.who(text.said)
            items += await self._name(who, text.said.identity)
            items += await self._record(who, text)
        return items

    async def _record(self, who: Who, text: Text) -> list[Item]:
        said, meeting, used = text.said, self._meeting, await self.keys.of(who.id, who.subject, text.kind)
        segment = segment_id(meeting.id, said.id)
        place = Place(meeting.tenant, meeting.room, meeting.id, segment, said.rev, text.lang, who.id, text.kind)
        record = Record(
            segment,
            text.kind,
            text.lang,
            said.rev,
            who.id,
            used.key.id,
            self._zero + timedelta(seconds=said.start),
            said.start,
            said.end,
            said.engine,
            text.tags,
            seal(used.key, place, text.text.encode("utf-8", "replace")),
        )
        return used.with_key(record)

    async def _name(self, who: Who, identity: str) -> list[Item]:
        """The speaker's name, where it is new or its key is."""
        used, name = await self.keys.of(who.id, who.subject, "name"), self._name_of(identity)
        if not self.speakers.newly_named(who, used.key.id, name):
            return []
        place = of_name(self._meeting.tenant, self._meeting.room, self._meeting.id, who.id)
        told = json.dumps({"identity": identity, "name": name}, ensure_ascii=False, separators=(",", ":"))
        sealed = seal(used.key, place, told.encode("utf-8", "replace"))
        return used.with_key(Speaker(who.id, who.subject, who.voice, used.key.id, sealed))
