"""What was meant by a word that is not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the question after the nearest of `known`, or `otherwise` if none is near.

    >>> did_you_mean("puls_train", ["pulse_train", "stdp"])
    "did you mean 'pulse_train'?"
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise
