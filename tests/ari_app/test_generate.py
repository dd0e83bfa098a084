"""The generated files: from small documents, and fresh against the real Asterisk."""

from __future__ import annotations

import ast
import builtins
import copy
from pathlib import Path
from typing import Any

import pytest

from ari_app import generate, generated
from faults import SwitchProtocolBroken, SwitchRefused, SwitchUnreachable
from tests.asterisk import AsteriskServer

FOLDER = Path(generated.__file__).parent


def text(name: str, *, required: bool = True) -> dict[str, Any]:
    return {name: {"type": "string", "required": required}}


DOCUMENTS: dict[str, Any] = {
    "things": {
        "apis": [{"path": "/things/{thingId}/parts", "operations": [{
            "httpMethod": "POST", "nickname": "addParts", "responseClass": "List[Part]",
            "parameters": [
                {"name": "thingId", "paramType": "path", "required": True, "dataType": "string"},
                {"name": "maxParts", "paramType": "query", "required": False, "dataType": "int"},
                {"name": "format", "paramType": "query", "required": True, "dataType": "string", "allowMultiple": True,
                 "allowableValues": {"values": ["a", "b"]}},
            ]}]}],
        "models": {"Part": {"properties": {**text("name"), "made": {"type": "Date"}, "whole": {"type": "Whole"}}},
                   "Whole": {"properties": {**text("value")}},
                   "Unused": {"properties": {**text("name")}}},
    },
    "events": {
        "apis": [],
        "models": {"Message": {"properties": text("type")},
                   "Event": {"properties": {**text("application"), "timestamp": {"type": "Date", "required": True}}},
                   "PartAdded": {"properties": {"part": {"type": "Part", "required": True}}}},
    },
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Documents of one operation and one event, and lists that name them."""
    monkeypatch.setattr(generate, "OPERATIONS", {"things": ("addParts",)})
    monkeypatch.setattr(generate, "EVENTS", ("PartAdded",))
    return copy.deepcopy(DOCUMENTS)


def test_an_operation_becomes_a_typed_method(small: dict[str, Any]) -> None:
    assert '''\
    async def things_add_parts(self, thing_id: str, *, format_: Sequence[Literal["a", "b"]],
            max_parts: int | None = None) -> tuple[models.Part, ...]:
        """``POST /things/{thingId}/parts``."""
        return await self._caller.call("POST", f"/things/{fields.part(thing_id)}/parts",
                fields.query({"format": format_, "maxParts": max_parts}), None,
                fields.many(fields.one(models.Part.from_json)))
''' in generate.write(small)["operations.py"]


def test_models_that_are_used_are_written_before_those_that_hold_them(small: dict[str, Any]) -> None:
    written = generate.write(small)["models.py"]
    assert 0 < written.index("class Whole:") < written.index("class Part:")
    assert "Unused" not in written


def test_what_may_hold_digits_is_in_no_repr(small: dict[str, Any]) -> None:
    assert "    value: str = field(repr=False)\n" in generate.write(small)["models.py"]


def test_the_order_of_the_documents_does_not_matter(small: dict[str, Any]) -> None:
    assert generate.write(small) == generate.write(dict(reversed(small.items())))


@pytest.mark.parametrize("missing", ["addParts", "PartAdded"])
def test_what_the_documents_lack_is_named(small: dict[str, Any], missing: str) -> None:
    small["things"]["apis"] = small["things"]["apis"] if missing == "PartAdded" else []
    small["events"]["models"].pop(missing, None)
    with pytest.raises(SwitchProtocolBroken, match=missing):
        generate.write(small)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_no_argument_shadows_a_builtin(path: Path) -> None:
    arguments = {argument.arg for argument in ast.walk(ast.parse(path.read_text())) if isinstance(argument, ast.arg)}
    assert not arguments & set(dir(builtins))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://me:secret@127.0.0.1", "127.0.0.1:8088"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SwitchUnreachable):
        generate.fetch(url, "me", "secret")


def test_the_command_line_takes_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["http://127.0.0.1:1", "me", "secret"]) == 2
    assert "secret" not in capsys.readouterr().err


def test_without_a_password_it_says_where_to_put_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ARI_PASSWORD", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SwitchRefused, match="ARI_PASSWORD"):
        generate.main(["http://127.0.0.1:1", "me"])


def test_a_password_in_netrc_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ARI_PASSWORD", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    with pytest.raises(SwitchUnreachable):
        generate.main(["http://127.0.0.1:1", "me"])


@pytest.mark.asterisk
def test_the_committed_files_are_what_this_asterisk_documents(asterisk: AsteriskServer) -> None:
    documents = generate.fetch(asterisk.ari_url.removesuffix("/ari"), asterisk.ari_user, asterisk.ari_password)
    assert generate.write(documents) == {path.name: path.read_text() for path in FOLDER.glob("*.py")}


@pytest.mark.asterisk
def test_a_wrong_password_is_refused(asterisk: AsteriskServer) -> None:
    with pytest.raises(SwitchRefused):
        generate.fetch(asterisk.ari_url.removesuffix("/ari"), asterisk.ari_user, "wrong")
