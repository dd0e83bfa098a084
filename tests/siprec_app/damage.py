"""What a network, or an enemy, makes of good bytes."""

from collections.abc import Sequence

from hypothesis import strategies as st

__all__ = ["damaged", "stuff"]


@st.composite
def damaged(draw: st.DrawFn, corpus: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    """One of the corpus after some cuts, doublings, changes and insertions of pieces."""
    data = bytearray(draw(st.sampled_from(corpus)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["cut", "double", "change", "insert", "end"]))
        if kind == "cut":
            del data[start:start + length]
        elif kind == "double":
            data[start:start] = data[start:start + length]
        elif kind == "change":
            data[start:start + 1] = draw(st.binary(min_size=1, max_size=2))
        elif kind == "insert":
            data[start:start] = draw(st.sampled_from(pieces))
        else:
            del data[start:]
    return bytes(data)


def stuff(corpus: Sequence[bytes], pieces: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """What is damaged, any bytes, and pieces one after the other."""
    return damaged(corpus, pieces) | st.binary(max_size=400) | st.lists(st.sampled_from(pieces), max_size=30).map(
        b"".join)
