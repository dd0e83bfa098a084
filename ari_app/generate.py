"""Writes ``ari_app/generated`` from the API documents that a running Asterisk serves.

    ARI_PASSWORD=... python -m ari_app.generate http://127.0.0.1:8088 USER

The password comes from ``ARI_PASSWORD``, else from ``~/.netrc``; never from the command line, where others see it.
The documents are Swagger 1.1, one for each resource, below ``/ari/api-docs``. Only what the two lists below name, and
the models that it needs, is written; no sentence of Asterisk's documents is copied.
"""

from __future__ import annotations

import base64
import http.client
import json
import keyword
import netrc
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from faults import SwitchOperationFailed, SwitchProtocolBroken, SwitchRefused, SwitchUnreachable

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "applications": ("get", "subscribe", "unsubscribe", "filter"),
    "asterisk": ("getInfo", "ping", "listModules", "getModule", "getGlobalVar", "setGlobalVar"),
    "bridges": ("list", "createWithId", "get", "destroy", "addChannel"),
    "channels": ("list", "originateWithId", "get", "hangup", "continueInDialplan", "playWithId", "record",
                 "getChannelVar", "setChannelVar", "snoopChannelWithId", "rtpstatistics", "externalMedia"),
    "playbacks": ("get",),
    "recordings": ("getStored", "deleteStored", "getStoredFile", "getLive", "stop"),
}
"""The operations that we use, by resource and Asterisk's nickname."""

EVENTS: tuple[str, ...] = (
    "ApplicationReplaced",
    "BridgeAttendedTransfer", "BridgeBlindTransfer", "BridgeCreated", "BridgeDestroyed", "BridgeMerged",
    "ChannelConnectedLine", "ChannelCreated", "ChannelDestroyed", "ChannelEnteredBridge", "ChannelHangupRequest",
    "ChannelHold", "ChannelLeftBridge", "ChannelStateChange", "ChannelUnhold", "ChannelUserevent", "ChannelVarset",
    "Dial",
    "PlaybackFinished", "PlaybackStarted",
    "RecordingFailed", "RecordingFinished", "RecordingStarted",
    "StasisEnd", "StasisStart",
)
"""The events that we use."""

UNSHOWN = frozenset({"app_data", "args", "channelvars", "dialstring", "userevent", "value"})
"""Fields that may hold what a caller dialled: they are left out of every repr, so that no log gets them."""

UNREAD = frozenset({"type", "asterisk_id"})
"""What every event has and nobody needs: the class says the type, the connection says whose event it is."""

REFINED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Channel", "channelvars"): ("Mapping[str, str]", "fields.strings"),
}
"""Fields whose type we know better than the documents do: annotation and reader."""

LEFT_OUT: frozenset[tuple[str, str]] = frozenset({("Application", "device_names")})
"""Fields that the documents call required and Asterisk leaves out: without res_stasis_device_state."""

_SIMPLE: Mapping[str, tuple[str, str]] = {
    "string": ("str", "fields.text"),
    "int": ("int", "fields.integer"),
    "long": ("int", "fields.integer"),
    "double": ("float", "fields.number"),
    "boolean": ("bool", "fields.flag"),
    "Date": ("float", "fields.instant"),
    "object": ("Mapping[str, object]", "fields.mapping"),
    "containers": ("Mapping[str, object]", "fields.mapping"),
}
_SHADOWED = frozenset({"filter", "format", "id", "type"})
_WIDTH = 110
_HEADER = '"""{subject} Written by ``ari_app.generate``; do not edit."""\n\nfrom __future__ import annotations\n\n'

Document = Mapping[str, Any]
Documents = Mapping[str, Document]


def write(documents: Documents) -> dict[str, str]:
    """The generated files, by name.

    Args:
        documents: Asterisk's API documents by resource (``channels``, ``events`` ...).

    Raises:
        SwitchProtocolBroken: the documents lack something that is listed above, or use a type that is not known.
    """
    models = {name: model for document in documents.values() for name, model in document["models"].items()}
    operations = [_operation(documents, resource, nickname)
                  for resource, nicknames in OPERATIONS.items() for nickname in nicknames]
    answers = {_plain(one["responseClass"]) for _, _, one in operations} & set(models)
    used = _reached(models, answers | {_plain(field["type"]) for name in EVENTS
                                       for field in _listed(models, name)["properties"].values()})
    return {
        "__init__.py": '"""ARI as Asterisk documents it: what ``ari_app.generate`` wrote."""\n',
        "models.py": _models_file(models, used),
        "events.py": _events_file(models),
        "operations.py": _operations_file(operations),
    }


def fetch(url: str, user: str, password: str) -> dict[str, Document]:
    """The API documents of a running Asterisk, by resource.

    Args:
        url: ``http://host:port``.

    Raises:
        SwitchUnreachable, SwitchRefused, SwitchOperationFailed, SwitchProtocolBroken: it did not serve them.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname is None or "@" in parts.netloc:
        raise SwitchUnreachable("The address has to be http://host:port, without a user.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=10)
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    try:
        listed = _get(connection, "/ari/api-docs/resources.json", credentials)
        names = [str(api["path"]).removeprefix("/api-docs/").partition(".")[0] for api in listed["apis"]]
        return {name: _get(connection, f"/ari/api-docs/{quote(name)}.json", credentials) for name in sorted(names)}
    except (OSError, http.client.HTTPException) as broken:
        raise SwitchUnreachable(f"Asterisk does not answer: {broken}.") from broken
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """The command line; writes the files beside this one. Returns the exit status."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m ari_app.generate http://host:port USER\n")
        return 2
    url, user = arguments
    folder = Path(__file__).parent / "generated"
    folder.mkdir(exist_ok=True)
    for name, content in write(fetch(url, user, _password(url, user))).items():
        (folder / name).write_text(content, encoding="utf-8")
    return 0


def _password(url: str, user: str) -> str:
    if given := os.environ.get("ARI_PASSWORD"):
        return given
    try:
        found = netrc.netrc().authenticators(urlsplit(url).hostname or "")
    except FileNotFoundError:
        found = None
    if found is None or found[0] != user:
        raise SwitchRefused("There is no password: set ARI_PASSWORD, or name the host and the user in ~/.netrc.")
    return found[2] or ""


def _get(connection: http.client.HTTPConnection, path: str, credentials: str) -> Document:
    connection.request("GET", path, headers={"Authorization": f"Basic {credentials}"})
    response = connection.getresponse()
    body = response.read()
    if response.status in (401, 403):
        raise SwitchRefused("Asterisk refuses the user or the password.", status=response.status)
    if response.status != 200:
        raise SwitchOperationFailed("Asterisk does not serve a document.", status=response.status, path=path)
    try:
        document: Document = json.loads(body)
    except ValueError:
        raise SwitchProtocolBroken("Asterisk's document is not JSON.", path=path) from None
    return document


# ---- Reading the documents ----------------------------------------------------------------------------------


def _operation(documents: Documents, resource: str, nickname: str) -> tuple[str, str, Document]:
    for api in documents[resource]["apis"]:
        for operation in api["operations"]:
            if operation["nickname"] == nickname:
                return resource, api["path"], operation
    raise SwitchProtocolBroken(f"Asterisk's documents have no operation {resource}.{nickname}.")


def _listed(models: Documents, name: str) -> Document:
    if name not in models:
        raise SwitchProtocolBroken(f"Asterisk's documents have no {name}.")
    return models[name]


def _plain(kind: str) -> str:
    listed = re.fullmatch(r"List\[(\w+)\]", kind)
    return listed[1] if listed else kind


def _reached(models: Documents, names: set[str]) -> list[str]:
    """The models among `names` and those that they hold, what is held before what holds it."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in models and name not in found:
            for field in models[name]["properties"].values():
                visit(_plain(field["type"]))
            found.append(name)

    for name in sorted(names):
        visit(name)
    return found


def _typed(kind: str, model: Callable[[str], str]) -> tuple[str, str]:
    """Annotation and reader of a type of the documents; `model` says how the file names a model."""
    if kind.startswith("List["):
        annotation, reader = _typed(_plain(kind), model)
        return f"tuple[{annotation}, ...]", f"fields.many({reader})"
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    return model(kind), f"fields.one({model(kind)}.from_json)"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _argument(name: str) -> str:
    snake = _snake(name)
    return f"{snake}_" if snake in _SHADOWED or keyword.iskeyword(snake) else snake


# ---- Writing the files --------------------------------------------------------------------------------------


def _models_file(models: Documents, used: list[str]) -> str:
    classes = "".join(_class(name, models[name]["properties"], str) for name in used)
    return (_HEADER.format(subject="ARI's objects. Times are seconds since the Unix epoch.")
            + "from collections.abc import Mapping\nfrom dataclasses import dataclass, field\nfrom typing import Self\n"
            + "\nfrom ari_app import fields\nfrom ari_app.fields import optional, required\n" + classes)


def _events_file(models: Documents) -> str:
    common = {name: field for model in ("Message", "Event")
              for name, field in _listed(models, model)["properties"].items() if name not in UNREAD}

    def model(name: str) -> str:
        return f"models.{name}"

    classes = _class("Event", common, model)
    classes += "".join(_class(name, models[name]["properties"], model, common) for name in EVENTS)
    table = "".join(f'    "{name}": {name}.from_json,\n' for name in EVENTS)
    return (_HEADER.format(subject="ARI's events. Times are seconds since the Unix epoch.")
            + "from collections.abc import Callable, Mapping\nfrom dataclasses import dataclass, field\n"
            + "from typing import Final, Self\n\nfrom ari_app import fields\n"
            + "from ari_app.fields import optional, required\nfrom ari_app.generated import models\n" + classes
            + "\n\nEVENTS: Final[Mapping[str, Callable[[Mapping[str, object]], Event]]] = {\n" + table + "}\n")


def _class(name: str, properties: Mapping[str, Document], model: Callable[[str], str],
           common: Mapping[str, Document] | None = None) -> str:
    """A dataclass; an event when it has fields in `common` with the others."""
    own, reads = "", []
    for key, value in {**(common or {}), **properties}.items():
        needed = value.get("required") is True and (name, key) not in LEFT_OUT
        annotation, reader = REFINED.get((name, key)) or _typed(value["type"], model)
        if key in properties:
            default = "" if needed else " = None"
            if key in UNSHOWN:
                default = " = field(repr=False)" if needed else " = field(default=None, repr=False)"
            own += f"    {key}: {annotation}{'' if needed else ' | None'}{default}\n"
        reads.append(f'{key}={"required" if needed else "optional"}(data, "{key}", {reader})')
    lines = (f"\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass {name}{'(Event)' if common else ''}:\n"
             f'    """ARI\'s {name}."""\n')
    if own:
        lines += f"\n{own}\n    @classmethod\n    def from_json(cls, data: Mapping[str, object]) -> Self:\n"
        lines += _folded("        return cls(", reads, ")")
    return lines


def _operations_file(operations: list[tuple[str, str, Document]]) -> str:
    methods = "\n".join(_method(resource, path, operation) for resource, path, operation in operations)
    return _HEADER.format(subject="ARI's operations.") + f'''\
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

from ari_app import fields
from ari_app.generated import models

T = TypeVar("T")


class Caller(Protocol):
    """What performs an operation. It raises ``faults.SwitchFault``."""

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None,
                   model: Callable[[object], T]) -> T:
        """Send it; `path` is encoded and starts below ``/ari``, `model` reads the answer."""

    def download(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file, in blocks."""


class Operations:
    """ARI's operations, each sent by a `Caller`; None leaves a parameter out."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

{methods}'''


def _method(resource: str, path: str, operation: Document) -> str:
    parameters = operation.get("parameters", [])
    signature, asked, body = ["self"], [], "None"
    signature += [f"{_argument(one['name'])}: str" for one in parameters if one["paramType"] == "path"]
    named = sorted((one for one in parameters if one["paramType"] != "path"), key=lambda one: not one["required"])
    signature += ["*"] * bool(named)
    for one in named:
        argument, needed = _argument(one["name"]), one["required"]
        if one["paramType"] == "body":
            body, annotation = argument, _SIMPLE[one["dataType"]][0]
        else:
            asked.append(f'"{one["name"]}": {argument}')
            annotation = _asked(one)
        signature.append(f"{argument}: {annotation}" + ("" if needed else " | None = None"))
    encoded = re.sub(r"{(\w+)}", lambda part: f"{{fields.part({_argument(part[1])})}}", path)
    place = f'f"{encoded}"' if encoded != path else f'"{path}"'
    name = f"{resource}_{_snake(operation['nickname'])}"
    about = f'        """``{operation["httpMethod"]} {path}``."""\n'
    if operation["responseClass"] == "binary":
        return (_folded(f"    def {name}(", signature, ") -> AsyncIterator[bytes]:") + about
                + _folded("        return self._caller.download(", [place], ")"))
    if operation["responseClass"] == "void":
        annotation, reader = "None", "fields.nothing"
    else:
        annotation, reader = _typed(operation["responseClass"], lambda model: f"models.{model}")
    query = f"fields.query({{{', '.join(asked)}}})" if asked else "{}"
    call = [f'"{operation["httpMethod"]}"', place, query, body, reader]
    return (_folded(f"    async def {name}(", signature, f") -> {annotation}:") + about
            + _folded("        return await self._caller.call(", call, ")"))


def _asked(parameter: Document) -> str:
    """The annotation of a query's parameter."""
    allowed = parameter.get("allowableValues", {}).get("values")
    kind = f"Literal[{', '.join(json.dumps(one) for one in allowed)}]" if allowed else _SIMPLE[parameter["dataType"]][0]
    return f"Sequence[{kind}]" if parameter.get("allowMultiple") else kind


def _folded(before: str, parts: list[str], after: str) -> str:
    """`before`, the parts joined by commas, `after`; broken between parts, or inside one that is too long itself."""
    indent = " " * (len(before) - len(before.lstrip()) + 8)
    first, *rest = [f"{part}," for part in parts[:-1]] + [f"{parts[-1]}{after}"]
    lines = [before + first]
    for part in rest:
        for piece in [part] if len(indent + part) <= _WIDTH else re.split(r"(?<=,) ", part):
            if len(lines[-1]) + 1 + len(piece) <= _WIDTH:
                lines[-1] += f" {piece}"
            else:
                lines.append(indent + piece)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
