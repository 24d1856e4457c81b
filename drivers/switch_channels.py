"""Names of the channels of a system switch."""

import re
from collections.abc import Iterable

from labsyn.data.errors import LimitError

CHANNEL = re.compile(r"[1-6][0-9][0-9A-Z][0-9]")


def channel_names(channels: Iterable[str]) -> list[str]:
    """Return `channels` as a list; raise LimitError for what is no name of one channel."""
    names = list(channels)
    for name in names:
        if not CHANNEL.fullmatch(name):
            raise LimitError(
                f"{name!r} is no channel name; write four characters, such as '1101'"
            )
    return names
