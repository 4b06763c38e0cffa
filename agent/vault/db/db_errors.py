"""What the database itself refuses, as errors with a code and a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from ...errors import VaultError

_BY_STATE = {
    "P0H01": ("held", "A hold keeps this."),
    "P0H02": ("released", "This hold is released already."),
    "P0P01": ("approved", "A policy stays as it was approved; propose a new version."),
    "P0P02": ("unknown_policy", "No policy of that name is in force."),
    "P0P03": ("second_person", "What shortens a policy is approved by somebody else than who proposed it."),
    "P0P04": ("superseded", "A newer version of this policy is approved already."),
    "P0P05": (
        "second_person",
        "As the default it would shorten others: somebody else must have approved it a day ago.",
    ),
    "23514": ("bad_values", "These values are outside of what the database allows."),
}


@contextmanager
def refusals() -> Iterator[None]:
    """Turns a guard's refusal inside into a `VaultError`."""
    try:
        yield
    except DBAPIError as error:
        said = _BY_STATE.get(str(getattr(error.orig, "sqlstate", "")))
        if said is None:
            raise
        raise VaultError(*said) from error
