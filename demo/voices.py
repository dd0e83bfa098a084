"""What the demo's parties say, spoken by espeak-ng. The card number is one that is made for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from tests.sounds import RATE, Sound, speech

_LINES = {
    "customer": ("en-gb", "Good morning. This is a customer, calling from the outside about an order of last week."),
    "alice": ("en-us+f3", "Hello, this is Alice. All of my calls are recorded, because my permission says always."),
    "bob": ("en-us+m3", "Hello, this is Bob. My own calls are never recorded, because my permission says skip."),
    "carol": ("en-gb+f2", "Hello, this is Carol. I have no permission of my own, so the one of my domain decides."),
    "dave": ("en-gb+m4", "Dave speaking. What can I do for you today? I will look that up in a moment."),
    "erin": ("en-us+f4", "This is Erin in the office. I only answer calls, and I do not decide anything here."),
    "frank": ("en-us+m5", "Hello, this is Frank. Neither I nor a domain decides, so the default of the system does."),
}

_CARD = (("before", 0.2, "This is Alice. I would like to pay the order of last week."),
         ("number", 4.5, "My card is four one one one, one one one one, one one one one, one one one one."),
         ("after", 11.6, "That was all. Thank you, goodbye."))
"""What Alice says to the menu, piece by piece, each with the second after the answer at which she begins."""


def speak(folder: Path) -> dict[str, Sound]:
    """Every party's voice, 8000 Hz; the WAV files are left in ``folder``. ``card`` is what is said to the menu that
    takes a card number, ``card before``, ``card number`` and ``card after`` are its pieces.

    Raises:
        subprocess.CalledProcessError: espeak-ng or sox failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    voices = {name: _voice(folder, name, voice, line) for name, (voice, line) in _LINES.items()}
    pieces = {name: _voice(folder, f"card-{name}", _LINES["alice"][0], line) for name, _, line in _CARD}
    said = np.zeros(16 * RATE, np.int16)
    for name, begin, _ in _CARD:
        first = round(begin * RATE)
        said[first : first + len(pieces[name].samples)] = pieces[name].samples
    return {**voices, "card": Sound(said), **{f"card {name}": piece for name, piece in pieces.items()}}


def _voice(folder: Path, name: str, voice: str, line: str) -> Sound:
    spoken, small = folder / f"{name}-22k.wav", folder / f"{name}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "170", "-w", spoken, line], check=True)
    subprocess.run(["sox", spoken, "-r", "8000", "-c", "1", "-b", "16", small, "gain", "-n", "-6"], check=True)
    spoken.unlink()
    return speech(small)
