"""What we send: one line a command, whatever the arguments hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app.lines import Media, api, auth, bgapi, command, is_word, sendevent, sendmsg, subscribe
from faults import SwitchOperationFailed

CALL = "42fa6f73-966e-4950-b369-6cb297329a04"


def test_a_login() -> None:
    assert auth("ClueCon 2'") == b"auth ClueCon 2'\n\n"


def test_a_recording_with_its_variables() -> None:
    line = api("uuid_record", CALL, "start", "/spool/a.wav", "0", {"RECORD_STEREO": "true", "recorder_id": "r.0"})
    assert line == (b"api uuid_record " + CALL.encode()
                    + b" start /spool/a.wav 0 {RECORD_STEREO=true,recorder_id=r.0}\n\n")


def test_a_path_with_a_space_stays_one_word() -> None:
    assert api("uuid_record", CALL, "stop", "/sp ool/a.wav").endswith(b" stop '/sp ool/a.wav'\n\n")


def test_media_has_its_parameters_in_front_and_stays_one_word() -> None:
    line = api("uuid_displace", CALL, "start", Media("tone_stream://%(500,500,1400)", {"loops": "-1", "x": "1"}), "0")
    assert line.endswith(b" start {loops=-1,x=1}tone_stream://%(500,500,1400) 0\n\n")
    assert api("uuid_displace", CALL, "stop", Media("/a b.wav", {"x": "1"})).endswith(b" stop '{x=1}/a b.wav'\n\n")


def test_an_empty_word_keeps_its_place() -> None:
    assert api("uuid_setvar", CALL, "x", "") == b"api uuid_setvar " + CALL.encode() + b" x ''\n\n"


def test_a_background_command_names_its_job() -> None:
    assert bgapi("status", job="j-1") == b"bgapi status\nJob-UUID: j-1\n\n"


def test_a_subscription_ends_with_the_custom_subclasses() -> None:
    line = subscribe(["CHANNEL_CREATE", "RECORD_STOP"], ["conference::maintenance", "recorder::pause"])
    assert line == b"event plain CHANNEL_CREATE RECORD_STOP CUSTOM conference::maintenance recorder::pause\n\n"


def test_a_subscription_without_custom_events() -> None:
    assert subscribe(["CHANNEL_CREATE"]) == b"event plain CHANNEL_CREATE\n\n"


def test_other_commands() -> None:
    assert command("linger", "10") == b"linger 10\n\n"


def test_an_event_with_a_body_counts_its_bytes() -> None:
    line = sendevent("CUSTOM", {"Event-Subclass": "recorder::reply", "Recorder-Request-ID": "7"}, "café\n\nx")
    assert line == ("sendevent CUSTOM\nEvent-Subclass: recorder::reply\nRecorder-Request-ID: 7\n"
                    "content-length: 8\n\ncafé\n\nx").encode()


def test_a_message_to_a_channel() -> None:
    line = sendmsg(CALL, {"call-command": "hangup"})
    assert line == b"sendmsg " + CALL.encode() + b"\ncall-command: hangup\n\n"


PLACES: dict[str, Callable[[str], bytes]] = {
    "password": auth,
    "command": command,
    "api command": api,
    "word": lambda text: api("uuid_exists", text),
    "job": lambda text: bgapi("status", job=text),
    "event": lambda text: subscribe([text]),
    "subclass": lambda text: subscribe([], [text]),
    "fired event": lambda text: sendevent(text, {}),
    "header name": lambda text: sendevent("CUSTOM", {text: "x"}),
    "header value": lambda text: sendevent("CUSTOM", {"x": text}),
    "channel": lambda text: sendmsg(text, {}),
    "message header": lambda text: sendmsg(CALL, {"x": text}),
    "media": lambda text: api("uuid_displace", Media(text, {"x": "y"})),
    "media parameter": lambda text: api("uuid_displace", Media("/a.wav", {"x": text})),
    "variable name": lambda text: api("uuid_record", {text: "x"}),
    "variable value": lambda text: api("uuid_record", {"x": text}),
}


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b", "a\x7fb", "a\u2028b", "a\ud800b", "a\n"])
@pytest.mark.parametrize("place", PLACES)
def test_what_ends_a_line_is_refused_everywhere(place: str, bad: str) -> None:
    with pytest.raises(SwitchOperationFailed):
        PLACES[place](bad)
    assert not is_word(bad)


@pytest.mark.parametrize("bad", ["it's", 'a"b', "a\\nb", "{a=b}x", "${global_getvar(x)}", "a;b", "[x]y", "<x>y"])
def test_what_means_something_to_the_switch_is_refused_in_a_word(bad: str) -> None:
    with pytest.raises(SwitchOperationFailed):
        api("uuid_record", CALL, "start", bad)
    with pytest.raises(SwitchOperationFailed):
        api("uuid_displace", CALL, "start", Media(bad, {}))
    assert not is_word(bad)


@pytest.mark.parametrize("bad", ["a,b=c", "a b", "a}", "^^|", "é"])
def test_a_variable_cannot_bring_another_one(bad: str) -> None:
    with pytest.raises(SwitchOperationFailed):
        api("uuid_record", CALL, "start", "/a.wav", "0", {"recorder_id": bad})


@pytest.mark.parametrize("body", ["a\0b", "\ud800"])
def test_a_body_that_would_be_cut_is_refused(body: str) -> None:
    with pytest.raises(SwitchOperationFailed):
        sendevent("CUSTOM", {}, body)


def test_a_length_cannot_be_given() -> None:
    with pytest.raises(SwitchOperationFailed):
        sendevent("CUSTOM", {"Content-Length": "9"}, "body")


def test_a_fault_does_not_repeat_what_was_refused() -> None:
    with pytest.raises(SwitchOperationFailed) as caught:
        api("uuid_setvar", CALL, "card", "4111\n1111")
    assert "4111" not in str(caught.value.as_dict())


@settings(deadline=None)
@given(words=st.lists(st.text(max_size=30), max_size=4))
def test_any_words_make_one_line_with_as_many_words_or_none_at_all(words: list[str]) -> None:
    try:
        line = api("uuid_setvar", *words)
    except SwitchOperationFailed:
        return
    text = line.decode()
    assert text.endswith("\n\n")
    assert text.count("\n") == 2
    assert text[:-2] == " ".join(["api uuid_setvar", *(word if word and " " not in word else f"'{word}'"
                                                       for word in words)])


@settings(deadline=None)
@given(name=st.text(max_size=20), value=st.text(max_size=30))
def test_any_header_makes_one_line_or_none_at_all(name: str, value: str) -> None:
    try:
        line = sendmsg(CALL, {name: value})
    except SwitchOperationFailed:
        return
    assert line.decode() == f"sendmsg {CALL}\n{name}: {value}\n\n"
