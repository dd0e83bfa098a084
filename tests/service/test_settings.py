"""The settings file: what is wrong is said with file, line and key; the environment overrides; paths are resolved."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import SettingsInvalid
from recorder.states import Carrying, RecordingState
from service import settings_reference, storage
from service.notice_settings import What
from service.settings import LogLevel
from service.settings_file import load, parse
from service.switch_settings import AsteriskSettings, FreeSwitchSettings

SWITCH = "switches: {main: {user: phonograph, password: secret}}\n"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def refused(text: str, environment: dict[str, str] | None = None) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as raised:
        parse(text, "phonograph.yaml", environment or {})
    return raised.value


def test_the_smallest_file_has_every_default() -> None:
    settings = parse(SWITCH, "phonograph.yaml", {})
    assert settings.log_level is LogLevel.INFO
    asterisk = settings.switches["main"]
    assert isinstance(asterisk, AsteriskSettings)
    assert asterisk.application == "recorder"
    assert settings.pause.confirm_within == 0.25


def test_a_freeswitch_is_named_by_its_kind() -> None:
    settings = parse("switches: {main: {kind: freeswitch, password: b, port: 8022}}", "phonograph.yaml", {})
    freeswitch = settings.switches["main"]
    assert isinstance(freeswitch, FreeSwitchSettings)
    assert (freeswitch.host, freeswitch.port) == ("127.0.0.1", 8022)


def test_a_key_of_the_other_kind_is_unknown() -> None:
    fault = refused("switches: {main: {kind: freeswitch, password: b, user: a}}\n")
    assert "switches.main.user: is an unknown key" in fault.message
    assert "operations_per_second" in fault.message
    assert "application" not in fault.message


@pytest.mark.parametrize(("line", "key", "said"), [
    ("destinationpath: x", "destinationpath", "is an unknown key; allowed: policy, ledger"),
    ("log_level: loud", "log_level", "is not a value for this key; allowed: debug, info, warning, error"),
    ("time_zone: Mars/Base", "time_zone", "is not an IANA time zone"),
    ("pause: {confirm_within: true}", "pause.confirm_within", "must be a number, not true or false"),
    ("pause: {confirm_within: 0}", "pause.confirm_within", "greater than 0"),
    ("pause: {longest: 3}", "pause.longest", "is an unknown key; allowed: confirm_within"),
    ("layouts: []", "layouts", "must not be empty"),
    ("layouts: [mono]", "layouts[0]", "is not a value for this key; allowed: mixed, stereo, parties"),
    ("should_encrypt: true", "should_encrypt", "needs `encryption_key`, the file of a public key"),
    ("steps: {clean: {use: x}}", "steps", "Phonograph itself has a step clean"),
    ("steps: {'../x': {use: x}}", "steps", "a step's name is a small letter"),
    ("steps: {mine: {}}", "steps.mine", "either `use` or `command` must be there"),
    ("steps: {mine: {command: [ls]}}", "steps.mine.command", "must begin with the absolute path of a program"),
    ("steps: {mine: {command: ls}}", "steps.mine.command", "valid tuple"),
    ("steps: {mine: {use: x, comand: y}}", "steps.mine.comand", "is an unknown key; allowed: use, options, command"),
    ("jobs: {workers: many}", "jobs.workers", "valid integer"),
    ("jobs: 3", "jobs", "must be a mapping of keys to values"),
    ("ledger: ''", "ledger", "at least 1 character"),
])
def test_a_wrong_line_is_refused_with_its_line_key_and_values(line: str, key: str, said: str) -> None:
    fault = refused(f"{SWITCH}{line}\n")
    assert fault.details["line"] == 2
    assert fault.details["key"] == key
    assert f"phonograph.yaml:2: {key}: " in fault.message
    assert said in fault.message


@pytest.mark.parametrize(("switch", "key"), [
    ("{user: a, password: b, kind: asterix}", "switches.main.kind"),
    ("{user: a, password: b, url: 'ftp://x'}", "switches.main.url"),
    ("{user: a, password: b, url: 'http://a:b@x'}", "switches.main.url"),
    ("{password: b}", "switches.main.user"),
    ("{user: a}", "switches.main"),
    ("{user: a, password: b, password_file: c}", "switches.main"),
    ("{user: a, password: b, spoool: c}", "switches.main.spoool"),
])
def test_a_wrong_switch_is_refused_with_its_key(switch: str, key: str) -> None:
    assert refused(f"log_level: info\nswitches:\n  main: {switch}\n").details["key"] == key


def test_a_name_that_could_not_stand_in_an_id_is_refused() -> None:
    assert "a switch's name is" in refused("switches: {'Main 1': {user: a, password: b}}\n").message


@pytest.mark.parametrize("text", ["", "switches: {}\n"])
def test_a_service_without_a_switch_is_refused(text: str) -> None:
    assert refused(text).details["key"] == "switches"


def test_a_duplicate_is_refused_with_its_line() -> None:
    assert refused(f"log_level: info\n{SWITCH}log_level: debug\n").details["line"] == 3


def test_everything_that_is_wrong_is_said_at_once() -> None:
    fault = refused(f"{SWITCH}log_level: loud\nnonsense: 1\n", {"PHONOGRAPH__JOBS__WORKERS": "x"})
    assert [line.partition(" ")[0] for line in fault.message.splitlines()] == [
        "phonograph.yaml:2:", "phonograph.yaml:3:", "PHONOGRAPH__JOBS__WORKERS"]


def test_no_message_holds_a_password() -> None:
    fault = refused("switches: {main: {user: a, password: [hunter2], kind: hunter2}}\n")
    assert "hunter2" not in fault.message
    assert "hunter2" not in repr(fault.details)


@pytest.mark.parametrize("listen", ["0.0.0.0:8089", "'[::]:8089'", "192.0.2.1:8089", "pbx.example:8089"])
def test_who_listens_off_loopback_needs_a_certificate(listen: str) -> None:
    switch = f"user: phonograph, password: secret, connect: listen, listen: {listen}"
    assert "needs `tls_certificate` and `tls_key`" in refused(f"switches: {{main: {{{switch}}}}}").message
    parse(f"switches: {{main: {{{switch}, tls_certificate: c.pem, tls_key: k.pem}}}}", "phonograph.yaml", {})


@pytest.mark.parametrize("listen", ["127.0.0.1:8089", "'[::1]:8089'", "localhost:8089"])
def test_on_loopback_nobody_needs_one(listen: str) -> None:
    switch = f"user: phonograph, password: secret, connect: listen, listen: {listen}"
    parse(f"switches: {{main: {{{switch}}}}}", "phonograph.yaml", {})
    assert "needs both" in refused(f"switches: {{main: {{{switch}, tls_key: k.pem}}}}").message


@pytest.mark.parametrize("listen", ["0.0.0.0:8084", "'[::]:8084'", "192.0.2.1:8084", "pbx.example:8084"])
def test_a_freeswitch_that_is_listened_for_off_loopback_needs_the_networks_that_may_connect(listen: str) -> None:
    switch = f"kind: freeswitch, password: secret, listen: {listen}"
    assert "needs `listen_clients`" in refused(f"switches: {{main: {{{switch}}}}}").message
    parse(f"switches: {{main: {{{switch}, listen_clients: '192.0.2.0/28, 2001:db8::/64'}}}}", "phonograph.yaml", {})


@pytest.mark.parametrize(("more", "said"), [
    ("listen: 127.0.0.1:0", "a port that is none"), ("listen: 127.0.0.1:70000", "a port that is none"),
    ("taps_listen: 127.0.0.1:70000", "a port that is none"), ("taps_listen: '5090'", "does not look as it should"),
    ("listen: '8084'", "does not look as it should"), ("listen_clients: everybody", "`listen_clients`"),
    ("listen_clients: 192.0.2.1/28", "`listen_clients`")])
def test_where_a_freeswitch_cannot_be_listened_for(more: str, said: str) -> None:
    assert said in refused(f"switches: {{main: {{kind: freeswitch, password: secret, {more}}}}}").message


def test_without_listen_no_freeswitch_is_listened_for() -> None:
    settings = parse("switches: {main: {kind: freeswitch, password: secret}}", "phonograph.yaml", {})
    assert isinstance(settings.switches["main"], FreeSwitchSettings)
    assert settings.switches["main"].listen is None


def test_two_switches_do_not_listen_at_one_address() -> None:
    one = "kind: freeswitch, password: secret, listen: 127.0.0.1:8089"
    other = "user: a, password: b, connect: listen"
    assert "two switches have the same `listen`" in refused(f"switches: {{a: {{{one}}}, b: {{{other}}}}}").message
    parse(f"switches: {{a: {{{one}}}, b: {{user: a, password: b}}}}", "phonograph.yaml", {})


def test_the_environment_overrides_the_file() -> None:
    settings = parse(f"{SWITCH}jobs: {{workers: 3}}\n", "phonograph.yaml", {
        "PHONOGRAPH__JOBS__WORKERS": "7", "PHONOGRAPH__SWITCHES__MAIN__PASSWORD": "other", "HOME": "/"})
    assert settings.jobs.workers == 7
    password = settings.switches["main"].password
    assert password is not None
    assert password.get_secret_value() == "other"


def test_a_wrong_variable_is_named() -> None:
    assert refused(SWITCH, {"PHONOGRAPH__LOGLEVEL": "info"}).details["key"] == "PHONOGRAPH__LOGLEVEL"


def test_relative_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\nmore\n")
    (tmp_path / "x.yaml").write_text(
        "ledger: l.sqlite\nwork_path: work\nswitches: {main: {user: a, password_file: pw, spool: spool}}\n")
    settings = load(tmp_path / "x.yaml", {})
    assert settings.policy == tmp_path / "policy.yaml"
    assert settings.ledger == str(tmp_path / "l.sqlite")
    assert settings.work_path == tmp_path / "work"
    assert settings.switches["main"].spool == tmp_path / "spool"
    password = settings.switches["main"].password
    assert password is not None
    assert password.get_secret_value() == "secret"


def test_a_database_url_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"ledger: postgresql://db/x\n{SWITCH}")
    assert load(tmp_path / "x.yaml", {}).ledger == "postgresql://db/x"


@pytest.mark.parametrize("content", [None, ""])
def test_a_password_file_without_a_password_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "pw").write_text(content)
    (tmp_path / "x.yaml").write_text("switches: {main: {user: a, password_file: pw}}\n")
    with pytest.raises(SettingsInvalid, match=r"pw (cannot be read|is empty)"):
        load(tmp_path / "x.yaml", {})


def test_a_settings_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load(tmp_path / "x.yaml", {})


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_never_breaks(text: str) -> None:
    with contextlib.suppress(SettingsInvalid):
        parse(text, "phonograph.yaml", {})


def test_the_page_is_what_the_models_say() -> None:
    assert PAGE.read_text() == settings_reference.page()


BUCKET = "stores: {archive: {bucket: calls, access_key: k, secret_key_file: secret}}"


@pytest.mark.parametrize(("line", "key", "said"), [
    ("storage: {first: archive}", "storage", "`first` names a store that is not in `stores`: archive"),
    ("storage: {backup: local}", "storage", "`backup` has to be another store than `first`"),
    ("storage: {stores: {local: {bucket: calls}}}", "storage", "a store's name is"),
    ("storage: {stores: {a: {bucket: calls, secret_key_file: x}}}", "storage.stores.a", "needs both `access_key`"),
    ("storage: {stores: {a: {bucket: calls, part_size: 1MB}}}", "storage.stores.a.part_size", "less than S3 allows"),
    ("storage: {stores: {a: {bucket: calls, key: x}}}", "storage.stores.a.key", "allowed: bucket, endpoint, region"),
    ("limits: {expiration_days: 0}", "limits.expiration_days", "greater than 0"),
    ("http: {listen: 8080}", "http.listen", "valid string"),
])
def test_what_is_wrong_with_stores_and_limits_is_said_with_its_key(line: str, key: str, said: str) -> None:
    fault = refused(f"{SWITCH}{line}\n")
    assert f"{key}: " in fault.message
    assert said in fault.message


def test_an_s3_store_gets_its_key_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden\n")
    file = tmp_path / "phonograph.yaml"
    file.write_text(f"{SWITCH}storage: {{first: archive, backup: local, {BUCKET}}}\n")
    settings = load(file, {})
    assert settings.storage.stores["archive"].secret_key_file == tmp_path / "secret"
    made = storage.stores(settings)
    assert set(made.every) == {"archive", "local"}
    (tmp_path / "secret").unlink()
    with pytest.raises(SettingsInvalid, match="secret cannot be read"):
        storage.stores(settings)


NOTICES = {
    "webhook": "{webhooks: {crm: {url: 'https://crm.example/hook', secret_file: s}}}",
    "mail": "{mail: {host: mail.example, sender: a@b.example}}",
}


@pytest.mark.parametrize(("text", "key", "said"), [
    ("{webhooks: {crm: {url: 'ftp://x', secret_file: s}}}", "notices.webhooks.crm.url", "does not look as it should"),
    ("{webhooks: {crm: {url: 'http://u:p@x/', secret_file: s}}}", "notices.webhooks.crm.url", "does not look"),
    ("{webhooks: {crm: {url: 'http://x/'}}}", "notices.webhooks.crm.secret_file", "is missing"),
    ("{webhooks: {crm: {url: 'http://x/', secret_file: s, states: [gone]}}}", "notices.webhooks.crm.states[0]",
     "allowed: armed, recording"),
    ("{webhooks: {crm: {url: 'http://x/', secret_file: s, verify: false}}}", "notices.webhooks.crm.verify",
     "is an unknown key; allowed: url, secret_file"),
    ("{webhooks: {'Crm 1': {url: 'http://x/', secret_file: s}}}", "notices.webhooks", "a webhook's name is"),
    ("{mail: {host: h, sender: 'a@b, c@d'}}", "notices.mail.sender", "is not one mail address"),
    ("{mail: {host: h, sender: a@b, states: [paused]}}", "notices.mail.states", "owners are told of"),
    ("{mail: {host: h, sender: a@b, language: tlh}}", "notices.mail.language", "the languages that there are: de, en"),
    ("{mail: {host: h, sender: a@b, user: u}}", "notices.mail", "both `user` and `password_file`"),
    ("{mail: {host: h, sender: a@b, user: u, password_file: p, security: none}}", "notices.mail", "everybody to read"),
    ("{mail: {host: h, sender: a@b, bcc: c@d}}", "notices.mail.bcc", "allowed: host, port"),
    ("{mattermost: {url: 'https://x', token_file: t, channel: town-square}}", "notices.mattermost.channel",
     "does not look"),
    ("{amqp: {host: mq.example, user: u, password_file: p, routing_key: k}}", "notices.amqp", "without `tls: true`"),
    ("{link_template: 'https://x/'}", "notices.link_template", "does not look as it should"),
    ("{attempts: 0}", "notices.attempts", "greater than or equal to 1"),
])
def test_a_mistake_in_the_notices_is_named_with_its_key(text: str, key: str, said: str) -> None:
    message = refused(f"{SWITCH}notices: {text}\n").message
    assert f"{key}:" in message
    assert said in message


def test_nobody_is_told_unless_somebody_is_named() -> None:
    notices = parse(SWITCH, "phonograph.yaml", {}).notices
    assert (notices.webhooks, notices.mail, notices.mattermost, notices.amqp) == ({}, None, None, None)


def test_the_files_of_secrets_count_from_the_folder_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "phonograph.yaml"
    file.write_text(f"{SWITCH}notices: {NOTICES['webhook']}\n")
    settings = load(file, {})
    assert settings.notices.webhooks["crm"].secret_file == tmp_path / "s"


def test_a_mail_of_an_owner_is_protected_unless_somebody_says_otherwise() -> None:
    mail = parse(f"{SWITCH}notices: {NOTICES['mail']}\n", "phonograph.yaml", {}).notices.mail
    assert mail is not None
    assert (mail.security, mail.port) == ("starttls", 587)


def test_whatever_is_told_can_be_chosen() -> None:
    assert list(get_args(What)) == [*RecordingState, *Carrying]
