"""An Asterisk dialplan of menus that pause around a tone, as planned by ``tests.random_pauses``."""

from tests.pausing import CARD_TONE
from tests.random_pauses import MENU, Pause, plans


def menus(seed: int, *, calls: int, pauses: int) -> str:
    """The dialplan that `run` needs."""
    return "\n".join(_menu(MENU + number, planned)
                     for number, planned in enumerate(plans(seed, calls=calls, pauses=pauses)))


def _menu(number: int, pauses: list[Pause]) -> str:
    """An extension that pauses so. Where a tap may be left it does not go on to the tone."""
    lines = [f"exten => {number},1,Answer()", "Wait(1)"]
    for n, pause in enumerate(pauses):
        owners = ("ivr", "fraud") if pause.two else ("ivr",)
        lines += [f"Wait({pause.before:.3f})"] if pause.before else []
        lines += [f"Gosub(recorder-pause,s,1({owner},,,))" for owner in owners]
        lines += [f'GotoIf($["${{RECORDER_PAUSED}}" = "no"]?after{n})', f"Playtones({CARD_TONE})",
                  f"Wait({pause.tone:.3f})"]
        lines += ["Gosub(recorder-resume,s,1(fraud))", "Wait(0.1)"] if pause.two else []
        lines += ["StopPlaytones()", f"Gosub(recorder-resume,s,1(ivr))@after{n}"]
    lines += ["Wait(1)", "Hangup()"]
    steps = [line.split("@") for line in lines]
    return "\n".join([steps[0][0], *(f" same => n{f'({label[0]})' if label else ''},{step}"
                                     for step, *label in steps[1:])])
