"""A FreeSWITCH dialplan of menus that pause around a tone, as planned by ``tests.random_pauses``."""

from tests.freeswitch import FreeSwitchServer
from tests.pausing import CARD_TONE
from tests.random_pauses import MENU, Pause, plans

_TONES = f"""<include>
  <extension name="the-tone"><condition field="destination_number" expression="^tone-(confirmed|ended)-([0-9]+)$">
    <action application="playback" data="tone_stream://%($2,0,{CARD_TONE})"/>
  </condition></extension>
  <extension name="no-tone"><condition field="destination_number" expression="^tone-no-">
    <action application="set" data="left_out=true"/>
  </condition></extension>
"""


def add(server: FreeSwitchServer, seed: int, *, calls: int, pauses: int) -> None:
    """Give the users' context the numbers that `random_pauses.run` dials."""
    menus = "".join(_menu(MENU + number, plan) for number, plan in enumerate(plans(seed, calls=calls, pauses=pauses)))
    (server.conf / "dialplan" / "shared" / "9-pausing.xml").write_text(f"{_TONES}{menus}</include>\n")
    server.cli("reloadxml")


def _menu(number: int, pauses: list[Pause]) -> str:
    steps = [("answer", ""), ("sleep", "1000")]
    for pause in pauses:
        owners = ("ivr", "fraud") if pause.two else ("ivr",)
        steps += [("sleep", f"{pause.before * 1000:.0f}")] if pause.before else []
        for owner in owners:
            steps += [("set", f"recorder_owner={owner}"), ("execute_extension", "pause XML recorder")]
        steps += [("execute_extension", f"tone-${{recorder_paused}}-{pause.tone * 1000:.0f} XML ${{context}}")]
        for owner in reversed(owners):
            steps += [("set", f"recorder_owner={owner}"), ("execute_extension", "resume XML recorder")]
    steps += [("sleep", "1000"), ("hangup", "")]
    actions = "".join(f'    <action application="{name}" data="{data}"/>\n' for name, data in steps)
    return (f'  <extension name="menu-{number}"><condition field="destination_number" expression="^{number}$">\n'
            f"{actions}  </condition></extension>\n")
