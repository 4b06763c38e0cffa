"""What people agreed to keep: sealed, due to be forgotten, and every reading of it written down.

This is what others may import of it; `python -m agent.vault` is its operator's way in.
"""

from .crypto.ids import meeting_id
from .crypto.keys import TenantKeys
from .crypto.root_key import from_setting
from .db import tenants
from .db.pool import Pool, Role
from .db.tenants import tenant_id
from .log.ledger import Ledger
from .policy import effective_policy
from .policy.effective_policy import NOTHING, Keeps
from .policy.terms import Term
from .read.export import FORMATS, Format, Head
from .read.grants import grant
from .read.reader import KeptLine, KeptMeeting, Opened, Reader
from .read.wanted import Wanted
from .write.agreement import Agreement, Names
from .write.losses import CAUSES, Losses
from .write.replay import look_after
from .write.session import Keeping
from .write.store import Meeting

__all__ = [
    "CAUSES",
    "FORMATS",
    "NOTHING",
    "Agreement",
    "Format",
    "Head",
    "Keeping",
    "Keeps",
    "KeptLine",
    "KeptMeeting",
    "Ledger",
    "Losses",
    "Meeting",
    "Names",
    "Opened",
    "Pool",
    "Reader",
    "Role",
    "TenantKeys",
    "Term",
    "Wanted",
    "effective_policy",
    "from_setting",
    "grant",
    "look_after",
    "meeting_id",
    "tenant_id",
    "tenants",
]
