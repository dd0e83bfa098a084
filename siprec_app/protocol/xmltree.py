"""XML from a stranger, read into a small tree: no document type, no entity of its own, nothing fetched, bounded.

Names are without their namespace: what real products send has the right one, an older one, or none. Why this is not a
library's work is in docs/decisions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from faults import RecordingServerProtocolBroken

LARGEST = 1 << 20
"""Bytes of a document; metadata has about 1 KB a participant."""

MOST_ELEMENTS = 20_000
DEEPEST = 32

_AROUND = b" \t\r\n\0"
_DECLARED = re.compile(rb"\A<\?xml[^>]*\?>", re.IGNORECASE)


@dataclass(slots=True)
class Element:
    """One element.

    Attributes:
        name: without namespace and prefix.
        namespace: empty when it has none.
        attributes: by name, without namespaces.
        text: all characters directly in it.
    """

    name: str
    namespace: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[Element]:
        """The children of a name, however its letters are cased."""
        return [child for child in self.children if child.name.lower() == name.lower()]

    def content(self, name: str) -> str | None:
        """The text of the first child of a name, without spaces around it; None without one, or when it is empty."""
        found = self.all(name)
        return (found[0].text.strip() or None) if found else None


class _Reader:
    """What expat calls; counts what it is given."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._open) >= DEEPEST:
            raise RecordingServerProtocolBroken("An XML document is too deep, or has too many elements.")
        namespace, _, local = name.rpartition(" ")
        element = Element(local, namespace, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def data(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def doctype(self, *_: object) -> None:
        raise RecordingServerProtocolBroken("An XML document has a document type.")


def parse(body: bytes) -> Element:
    """The root of a document.

    Tolerated, because it is met: a byte order mark and empty lines in front of the declaration, zeros and spaces
    behind the end, prefixes that are not declared, an encoding that is declared and is not what it is.

    Raises:
        RecordingServerProtocolBroken: it is no XML, has a document type, or is too large.
    """
    if len(body) > LARGEST:
        raise RecordingServerProtocolBroken("An XML document is too long.", largest=LARGEST)
    if not body.startswith((b"\xfe\xff", b"\xff\xfe")):
        body = body.strip(_AROUND).removeprefix(b"\xef\xbb\xbf").strip(_AROUND)
    failed: expat.ExpatError | None = None
    # As it says; then as UTF-8, whatever it says; then without namespaces, as a prefix may not be declared.
    for encoding, separator in ((None, " "), ("utf-8", " "), ("utf-8", None)):
        try:
            return _parsed(body, encoding, separator)
        except expat.ExpatError as error:
            failed = error
        except (LookupError, ValueError, UnicodeError):
            pass  # an encoding that Python does not have
    raise RecordingServerProtocolBroken("An XML document cannot be read.",
                                        line=failed.lineno if failed is not None else 0)


def _parsed(body: bytes, encoding: str | None, separator: str | None) -> Element:
    parser = expat.ParserCreate(encoding, separator)
    reader = _Reader()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    # Without a document type there is no entity but the five of XML itself, and nothing external.
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.buffer_text = True
    parser.Parse(_DECLARED.sub(b"", body) if encoding else body, True)
    assert reader.root is not None
    if separator is None:
        _without_prefixes(reader.root)
    return reader.root


def _without_prefixes(element: Element) -> None:
    element.name = element.name.rpartition(":")[2]
    element.attributes = {key.rpartition(":")[2]: value for key, value in element.attributes.items()
                          if not key.startswith("xmlns")}
    for child in element.children:
        _without_prefixes(child)
