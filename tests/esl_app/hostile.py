"""What a caller may choose, and does to do harm."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["CALLERS", "HOSTILE"]

CALLERS = ["Caller-Caller-ID-Name", "Caller-Caller-ID-Number", "Caller-Destination-Number", "Channel-Name",
           "variable_sip_from_display", "variable_sip_user_agent", "variable_sip_h_X-Any", "Caller-Orig-Caller-ID-Name"]
"""Headers whose value a caller chooses."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
HOSTILE = TEXT | st.lists(st.sampled_from(
    ["\n", "\n\n", "\r\n", ": ", "%0A", "%0a%0a", "%", "\0", "Unique-ID: forged", "Event-Name: CHANNEL_HANGUP",
     "Content-Length: 1", "content-length: 99999999", "Content-Type: api/response", "Core-UUID: forged", "_undef_",
     "ARRAY::a|:b", "\u2028", "\x85", "é", "+OK", '"', "{", "'"]), max_size=8).map("".join)
