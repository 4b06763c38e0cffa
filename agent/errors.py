"""What can go wrong and is nobody's fault: a class, a code, a sentence."""

from __future__ import annotations


class DragomanError(Exception):
    """A failure with a code for machines and a sentence for people; neither repeats what was said."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)  # as they are, so that it can be pickled
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class EngineError(DragomanError):
    """An engine could not do what was asked. `retryable` says that the same request may work later.

    `after` is in how many seconds at the soonest, as far as the engine knows; 0 where it doesn't.
    Codes: `engines_away` (nobody answers), `overloaded` (refused for now), `loading`,
    `timeout`, `not_served` (no engine for this language), `bad_request`, `engine_failed`, and
    `interrupted` (somebody else's request, on which this one waited).
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False, after: float = 0.0) -> None:
        super().__init__(code, message)
        self.retryable = retryable
        self.after = after

    @property
    def passes(self) -> bool:
        """Whether it says nothing about what was asked for, only about just now: then it is waited for."""
        return self.retryable and self.code in ("engines_away", "loading", "overloaded", "interrupted")

    @property
    def blame(self) -> float:
        """How far it is the fault of what was asked for, 0 to 1. What took too long may have waited behind others."""
        return 0.0 if self.passes else 1 / 3 if self.code == "timeout" else 1.0

    @property
    def hopeless(self) -> bool:
        """Whether the same request can't work. An engine that failed over it may not do so twice."""
        return not self.retryable and self.code != "engine_failed"


def code_of(error: BaseException) -> str:
    """The code of a failure; `internal` where it is a fault of the program."""
    return error.code if isinstance(error, DragomanError) else "internal"


class WireError(DragomanError):
    """Bytes that are not a caption frame we can trust.

    Codes: `malformed`, `bad_signature`, `bad_epoch`, `bad_shape`, `too_large`.
    """


class ModelError(DragomanError):
    """A model that can't be listed, fetched, checked, removed or measured.

    Codes: `unknown_model`, `licence_not_accepted`, `not_pinned` (nothing says which bytes it should be),
    `wrong_revision`, `wrong_digest`, `disk_full`, `cannot_write`, `hub_away` (broke off or never answered; what
    came is kept), `hub_refused`, `not_here`, `no_text` (nothing to measure on), `no_measure` (nothing to measure with).
    """


class VaultError(DragomanError):
    """What is kept can't be kept, opened, read or destroyed. A message never says what a record holds.

    Codes:
    `vault_away` (the database does not answer);
    `does_not_open` (one for every reason: another place, another key, changed bytes, another format); `too_large`;
    `keys_away` (whoever holds the root key doesn't answer, and no key is at hand: later it may work);
    `key_refused` (the answer was no, or not this key: disabled, doomed, no right to it);
    `key_destroyed`; `no_key` (none of that number); `bad_key_file`;
    `bad_term`; `bad_values`; `bad_hold`; `bad_erasure`; `bad_receipt`; `unknown_hold`; `unknown_erasure`;
    `held` (a hold keeps it); `released`; `approved`, `superseded` (that version no longer changes, or counts);
    `second_person` (somebody else must approve it); `ledger_broken`, `ledger_missing`;
    `restored_not_replayed` (the database is older than what was destroyed or agreed since);
    `audit_away` (the log can't be written: nothing is read); `anchors_away` (where it stands can't be);
    `meeting_not_found` (none that may be read); `bad_grant`; `cannot_write` (an export or a receipt, to that file);
    `bad_keeps` (nobody can tell what is to be kept); `unknown_policy` (none of that name is in force);
    `internal` (a fault of ours).
    """


class SettingsError(DragomanError):
    """Settings that are missing or make no sense; the message names every one of them."""
