"""The quiet member that hears a conference's mix: a Local channel, one half in the conference, the other one ours.

ARI can neither record a ConfBridge nor put a channel into it. So one half of the Local channel runs ``ConfBridge()`` in
the dialplan (dialplan/recorder.conf), and we record the other half.
"""

from __future__ import annotations

import re

from ari_app.generated.operations import Operations
from ari_app.names import member_id, snoop_id
from faults import ConferenceNameUnusable
from recorder.model import Direction

CONTEXT = "recorder-member"
"""The dialplan context that the quiet member runs."""
VARIABLE = "RECORDER_CONFERENCE"
"""The channel variable that tells it which conference to join."""

# What Asterisk's reader of arguments would not leave as it is.
_TAKEN = re.compile(r"""[\x00-\x1f\x7f,"'\\()\[\]{}<>$&|;^]""")
_LONGEST = 79


def can_be_joined(name: str) -> bool:
    """Whether a conference of that name, which a caller may have chosen, can be named in the dialplan."""
    return 0 < len(name) <= _LONGEST and name == name.strip() and _TAKEN.search(name) is None


async def join(operations: Operations, app: str, conference: str, segment: str) -> None:
    """Send a quiet member into a conference. It counts once Asterisk tells that it is in there.

    Args:
        app: our application.
        conference: the id of the conference's bridge.
        segment: names both channels.

    Raises:
        ConferenceNameUnusable: its name cannot be passed on, now or later.
        SwitchFault: there is no such conference, or Asterisk did not do it.
    """
    name = (await operations.bridges_get(conference)).name
    if not can_be_joined(name):
        raise ConferenceNameUnusable("The conference's name has characters that a dialplan cannot take.")
    await operations.channels_originate_with_id(
        snoop_id(segment, Direction.MIX), endpoint=f"Local/s@{CONTEXT}/n", app=app, other_channel_id=member_id(segment),
        variables={"variables": {VARIABLE: name}})
