"""The rules of a metadata document that can be checked without its schema: names, order, how often, ids that resolve.

They are written from RFC 7865, apart from the builder: a second opinion on what it writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

NAMESPACE = "{urn:ietf:params:xml:ns:recording:1}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
ID = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SPAN = "associate-time? disassociate-time?"

CHILDREN = {
    "recording": "datamode? group* session* participant* stream* sessionrecordingassoc* participantsessionassoc* "
                 "participantstreamassoc*",
    "group": SPAN,
    "session": "sipSessionID* reason* group-ref? start-time? stop-time?",
    "participant": "nameID+",
    "nameID": "name?",
    "stream": "label?",
    "sessionrecordingassoc": SPAN,
    "participantsessionassoc": SPAN,
    "participantstreamassoc": f"send* recv* {SPAN}",
}
"""The children of each element in their order, and how often; what is not here has text alone."""

ATTRIBUTES = {
    "group": ({"group_id"}, set[str]()),
    "session": ({"session_id"}, set[str]()),
    "participant": ({"participant_id"}, set[str]()),
    "nameID": ({"aor"}, set[str]()),
    "name": (set[str](), {LANGUAGE}),
    "reason": ({"cause"}, {"protocol"}),
    "stream": ({"stream_id"}, {"session_id"}),
    "sessionrecordingassoc": ({"session_id"}, set[str]()),
    "participantsessionassoc": ({"participant_id", "session_id"}, set[str]()),
    "participantstreamassoc": ({"participant_id"}, set[str]()),
}
"""The attributes that an element has, and those that it may have."""

OWNERS = {"group": "group_id", "session": "session_id", "participant": "participant_id", "stream": "stream_id"}


def name(element: ET.Element) -> str:
    return element.tag.removeprefix(NAMESPACE)


def complaints(document: bytes) -> list[str]:
    """What is wrong with a document."""
    root = ET.fromstring(document)
    found = [] if root.tag == f"{NAMESPACE}recording" else [f"the root is {root.tag}"]
    for element in root.iter():
        found += _of_element(element)
    if root.findtext(f"{NAMESPACE}datamode") == "complete":
        found += _unresolved(root)
    return found


def _of_element(element: ET.Element) -> Iterator[str]:
    kind = name(element)
    order = " ".join(map(name, element))
    pattern = "".join(f"({word[:-1]} ){word[-1]}" for word in
                      (item if item[-1] in "?*+" else f"{item}1" for item in CHILDREN.get(kind, "").split()))
    if not re.fullmatch(pattern, f"{order} " if order else ""):
        yield f"{kind} has {order}"
    must, may = ATTRIBUTES.get(kind, (set(), set()))
    if not must <= set(element.attrib) <= must | may:
        yield f"{kind} has the attributes {sorted(element.attrib)}"
    text = (element.text or "").strip()
    if kind in CHILDREN and text:
        yield f"{kind} has text"
    if kind.endswith("-time") and not TIME.fullmatch(text):
        yield f"{kind} is no time"
    if kind in ("send", "recv", "group-ref") and not ID.fullmatch(text):
        yield f"{kind} is no id"
    if kind == "datamode" and text not in ("complete", "partial"):
        yield f"datamode is {text}"
    for key, value in element.attrib.items():
        if key.endswith("_id") and not ID.fullmatch(value):
            yield f"{key} is no id"


def _unresolved(root: ET.Element) -> Iterator[str]:
    own = {key: [item.attrib[key] for item in root.iter(f"{NAMESPACE}{kind}")] for kind, key in OWNERS.items()}
    for key, values in own.items():
        if len(set(values)) != len(values):
            yield f"{key} is given twice"
    for element in root.iter():
        for key in set(element.attrib) & set(own):
            if element.attrib[key] not in own[key]:
                yield f"{name(element)} names an unknown {key}"
        if name(element) in ("send", "recv") and (element.text or "") not in own["stream_id"]:
            yield f"{name(element)} names an unknown stream"
        if name(element) == "group-ref" and (element.text or "") not in own["group_id"]:
            yield "group-ref names an unknown group"
