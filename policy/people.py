"""How a user is told of recordings: to which address, in which language and time zone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from policy.types import Identity, Person, user_key

# A dot-atom at a domain (RFC 5322 section 3.4.1), ASCII only: nothing of it can end a header or be a second address.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
                      r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")


def person(people: Mapping[str, Person], who: Identity) -> Person | None:
    """Who that is: by ``user@domain``, else by the bare user; None if nobody wrote an address down."""
    if who.user is None:
        return None
    known = people.get(user_key(who.user, who.domain)) if who.domain else None
    return known or people.get(who.user)


def is_address(text: str) -> bool:
    """Whether that is one mail address, and nothing else."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def is_language(text: str) -> bool:
    """Whether that looks like the tag of a language (``de``, ``pt-BR``)."""
    return _LANGUAGE.fullmatch(text) is not None


def is_zone(text: str) -> bool:
    """Whether that looks like the name of an IANA time zone; whether there is one, the machine knows."""
    return _ZONE.fullmatch(text) is not None
