"""The rules as literal tables, written from their description and sharing nothing with the code under test.

A cell says what is recorded: ``-`` nothing, ``a`` audio, ``v`` video, ``av`` both.
"""

from policy import Media, Permission, RecordingProfile, RecordingType

OFFERS = ("-", "a", "v", "av")

_PERMISSIONS = """
    type   profile     said nothing or declined    asked
                       -   a   v   av              -   a   v   av
    all    always      -   a   v   av              -   a   v   av
    all    optional    -   -   -   -               -   a   v   av
    all    skip        -   -   -   -               -   -   -   -
    video  always      -   -   v   v               -   -   v   v
    video  optional    -   -   -   -               -   -   v   v
    video  skip        -   -   -   -               -   -   -   -
    audio  always      -   a   -   a               -   a   -   a
    audio  optional    -   -   -   -               -   a   -   a
    audio  skip        -   -   -   -               -   -   -   -
    none   always      -   -   -   -               -   -   -   -
    none   optional    -   -   -   -               -   -   -   -
    none   skip        -   -   -   -               -   -   -   -
"""

_SYSTEM = """
    record     -   a   v   av
    none       -   -   -   -
    all        -   a   v   av
    video      -   -   v   v
    audio      -   a   -   a
"""

_PSTN = """
    recordIncomingPSTN     -   a   v   av
    False                  -   -   -   -
    True                   -   a   v   av
"""

# Which level decides, by whether the user and the domain have a permission.
LEVEL = {
    (True, True): "user",
    (True, False): "user",
    (False, True): "domain",
    (False, False): "system",
}

# Whose decision it is under `subject: any`, by whether caller and callee would be recorded.
EITHER = {
    (True, True): "caller",
    (True, False): "caller",
    (False, True): "callee",
    (False, False): "caller",
}

# What two parties make together.
UNION = {
    ("-", "-"): "-", ("-", "a"): "a", ("-", "v"): "v", ("-", "av"): "av",
    ("a", "-"): "a", ("a", "a"): "a", ("a", "v"): "av", ("a", "av"): "av",
    ("v", "-"): "v", ("v", "a"): "av", ("v", "v"): "v", ("v", "av"): "av",
    ("av", "-"): "av", ("av", "a"): "av", ("av", "v"): "av", ("av", "av"): "av",
}  # fmt: skip

MEDIA = {
    "-": frozenset[Media](),
    "a": frozenset({Media.AUDIO}),
    "v": frozenset({Media.VIDEO}),
    "av": frozenset({Media.AUDIO, Media.VIDEO}),
}


def _rows(table: str, skip: int) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()[skip:]]


def _permissions() -> dict[tuple[str, str, bool | None, str], str]:
    cells: dict[tuple[str, str, bool | None, str], str] = {}
    for kind, profile, *row in _rows(_PERMISSIONS, 2):
        for offer, unasked, asked in zip(OFFERS, row[:4], row[4:], strict=True):
            cells[kind, profile, None, offer] = unasked
            cells[kind, profile, False, offer] = unasked
            cells[kind, profile, True, offer] = asked
    return cells


def _simple(table: str) -> dict[tuple[str, str], str]:
    return {(key, offer): cell for key, *row in _rows(table, 1) for offer, cell in zip(OFFERS, row, strict=True)}


PERMISSION_RECORDS = _permissions()
SYSTEM_RECORDS = _simple(_SYSTEM)
PSTN_RECORDS = _simple(_PSTN)

PERMISSIONS = [
    Permission(RecordingType(kind), RecordingProfile(profile)) for kind, profile, *_ in _rows(_PERMISSIONS, 2)
]
