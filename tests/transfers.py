"""The text of transfers: Replaces (RFC 3891), Refer-To (RFC 3515), and what a NOTIFY tells of one (RFC 3420)."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from tests.sip import Message

__all__ = ["Dialog", "progress_of"]


@dataclass(frozen=True)
class Dialog:
    """A dialog as who sends names it to who receives: `to_tag` is the receiver's own (RFC 3891, 3)."""

    call_id: str
    to_tag: str
    from_tag: str

    def __str__(self) -> str:
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}"

    @classmethod
    def of(cls, request: Message) -> Self | None:
        """What the Replaces of an INVITE names; None without one."""
        named, *parameters = request.get("Replaces").split(";")
        tags = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
        return cls(named.strip(), tags.get("to-tag", ""), tags.get("from-tag", "")) if named else None

    def refer_to(self, uri: str) -> str:
        """The Refer-To that has `uri` called in place of this dialog."""
        return f"<{uri}?Replaces={quote(str(self), safe='')}>"


def progress_of(notify: Message) -> int:
    """The status that a NOTIFY about a REFER tells; 0 when it is about something else."""
    if notify.get("Event").split(";")[0].strip() != "refer":
        return 0
    found = re.match(r"SIP/2\.0 (\d{3})", notify.body)
    return int(found[1]) if found else 0
