"""The ``channel`` object: switching, and what each channel is set to.

3700A Reference Manual, section 11. A command that meets an error changes nothing.
"""

import re
from collections.abc import Callable
from typing import Any

from labsyn.drivers.simulated.tsp_cards import Mainframe
from labsyn.drivers.simulated.tsp_errors import (
    PARAMETER,
    SETTINGS_CONFLICT,
    TspError,
    integer_argument,
    number_argument,
    refuse_full,
    text_argument,
)
from labsyn.drivers.simulated.tsp_relays import (
    BREAK_BEFORE_MAKE,
    MAKE_BEFORE_BREAK,
    OFF,
    Relays,
)
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox

_LONGEST_DELAY = 60.0
_NAME = re.compile(r"[A-Za-z]\w{0,18}", re.ASCII)


class ChannelObject:
    """Switching by channel lists.

    Parameters
    ----------
    frame : Mainframe
        Which channels there are.
    relays : Relays
        What moves.
    """

    SAVED = (
        "connect_rule", "forbidden", "delays", "backplane", "four_pole", "labels", "patterns",
    )  # fmt: skip

    def __init__(self, frame: Mainframe, relays: Relays) -> None:
        self.frame, self.relays = frame, relays
        self.reset_all()

    def reset_all(self) -> None:
        """Return every setting to its default; relays stay as they are."""
        self.connect_rule = BREAK_BEFORE_MAKE
        self.forbidden: set[str] = set()
        self.delays: dict[str, float] = {}
        self.backplane: dict[str, list[str]] = {}
        self.four_pole: set[str] = set()
        self.labels: dict[str, str] = {}  # channel by label
        self.patterns: dict[str, list[str]] = {}

    def install(self, sandbox: TspSandbox) -> None:
        """Make the object known to scripts."""
        constants = {
            "OFF": OFF, "ON": 1, "POLES_ONE": 1, "POLES_TWO": 2, "POLES_FOUR": 4,
            "BREAK_BEFORE_MAKE": BREAK_BEFORE_MAKE, "MAKE_BEFORE_BREAK": MAKE_BEFORE_BREAK,
        }  # fmt: skip
        for name, value in constants.items():
            sandbox.constant(f"channel.{name}", value)
        sandbox.attribute("channel.connectrule", lambda: self.connect_rule, self._set_rule)
        calls: dict[str, Callable[..., Any]] = {
            "close": self.close, "open": self.open, "exclusiveclose": self.exclusive_close,
            "exclusiveslotclose": self.exclusive_slot_close, "getclose": self.get_close,
            "getstate": self.get_state, "getcount": self.get_count,
            "getimage": self.get_image, "reset": self.reset,
            "setforbidden": self.set_forbidden, "getforbidden": self.get_forbidden,
            "clearforbidden": self.clear_forbidden, "setdelay": self.set_delay,
            "getdelay": self.get_delay, "setbackplane": self.set_backplane,
            "getbackplane": self.get_backplane, "setpole": self.set_pole,
            "getpole": self.get_pole, "setlabel": self.set_label, "getlabel": self.get_label,
            "pattern.setimage": self.set_pattern, "pattern.getimage": self.get_pattern,
            "pattern.snapshot": self.snapshot, "pattern.delete": self.delete_pattern,
        }  # fmt: skip
        for name, call in calls.items():
            sandbox.function(f"channel.{name}", call)

    def expand(self, text: object, *, slots: bool = True, backplane: bool = True) -> list[str]:
        """Return the relays that a channel list names (`Mainframe.expand`)."""
        groups = {label: [name] for label, name in self.labels.items()} | self.patterns
        names = text_argument(text, "channel list")
        return self.frame.expand(names, groups, slots=slots, backplane=backplane)

    def image(self, name: str) -> list[str]:
        """Return everything that moves with the channel `name`, itself first."""
        pair = self.frame.partner(name) if name in self.four_pole else None
        return [name, *([pair] if pair else []), *self.backplane.get(name, [])]

    def closing(self, text: object) -> list[str]:
        """Return what closing the list `text` would close, or raise why it is refused."""
        names = [r for name in self.expand(text, slots=False) for r in self.image(name)]
        self.refuse_forbidden(names)
        paired = {self.frame.partner(name) for name in self.four_pole}
        for name in self.expand(text, slots=False):
            if name in paired:
                raise TspError(SETTINGS_CONFLICT, f"channel {name} is paired for four poles")
        return list(dict.fromkeys(names))

    def refuse_forbidden(self, names: list[str]) -> None:
        """Raise TspError if one of `names` must not close."""
        for name in names:
            if name in self.forbidden:
                raise TspError(SETTINGS_CONFLICT, f"channel {name} is forbidden to close")

    def switch(self, to_open: list[str], to_close: list[str]) -> None:
        """Open and close by the connect rule, with the delays that are set."""
        delay = max((self.delays.get(name, 0.0) for name in to_close), default=0.0)
        self.relays.move(to_open, to_close, self.connect_rule, delay)

    def close(self, channels: object) -> None:
        self.switch([], self.closing(channels))

    def open(self, channels: object) -> None:
        names = [relay for name in self.expand(channels) for relay in self.image(name)]
        self.switch(self.relays.closed(dict.fromkeys(names)), [])

    def exclusive_close(self, channels: object) -> None:
        wanted = self.closing(channels) if text_argument(channels, "list").strip() else []
        self._only(wanted, list(self.frame.cards))

    def exclusive_slot_close(self, channels: object) -> None:
        wanted = self.closing(channels)
        self._only(wanted, sorted({int(name[0]) for name in wanted}))

    def _only(self, wanted: list[str], slots: list[int]) -> None:
        others = [
            name
            for name in self.relays.all_closed
            if int(name[0]) in slots and name not in wanted
        ]
        self.switch(others, [name for name in wanted if not self.relays.is_closed(name)])

    def get_close(self, channels: object) -> str | None:
        closed = self.relays.closed(self.expand(channels))
        seconds = {self.frame.partner(name) for name in self.four_pole if name in closed}
        return ";".join(self._shown(name) for name in closed if name not in seconds) or None

    def _shown(self, name: str) -> str:
        pair = self.frame.partner(name) if name in self.four_pole else None
        return f"{name}({pair})" if pair else name

    def get_state(self, channels: object) -> str:
        states = (self.relays.is_closed(name) for name in self.expand(channels))
        return ",".join(str(int(state)) for state in states)

    def get_count(self, channels: object) -> str:
        return ",".join(str(self.relays.counts[name]) for name in self.expand(channels))

    def get_image(self, channels: object) -> str:
        names = self.expand(channels)
        return ";".join(",".join([self._shown(n), *self.backplane.get(n, [])]) for n in names)

    def reset(self, channels: object) -> None:
        names = self.expand(channels)
        self.switch(self.relays.closed([r for name in names for r in self.image(name)]), [])
        for name in names:
            self.forbidden.discard(name)
            self.four_pole.discard(name)
            self.delays.pop(name, None)
            self.backplane.pop(name, None)
        self.labels = {key: name for key, name in self.labels.items() if name not in names}
        self._drop_patterns(names)

    def set_forbidden(self, channels: object) -> None:
        names = self.expand(channels)
        self.forbidden.update(names)
        self._drop_patterns(names)

    def get_forbidden(self, channels: object) -> str:
        return ",".join(self.frame.sort(self.forbidden.intersection(self.expand(channels))))

    def clear_forbidden(self, channels: object) -> None:
        self.forbidden.difference_update(self.expand(channels))

    def set_delay(self, channels: object, seconds: object) -> None:
        delay = number_argument(seconds, 0, _LONGEST_DELAY, "delay")
        for name in self.expand(channels, backplane=False):
            self.delays[name] = delay

    def get_delay(self, channels: object) -> str:
        names = self.expand(channels, backplane=False)
        return ",".join(f"{self.delays.get(name, 0.0):.9e}" for name in names)

    def set_backplane(self, channels: object, backplane: object) -> None:
        names = self.expand(channels, backplane=False)
        wanted = text_argument(backplane, "backplane list")
        relays = self.frame.expand(wanted, slots=False) if wanted.strip() else []
        for relay in relays:
            if not self.frame.is_backplane(relay):
                raise TspError(PARAMETER, f"{relay} is no analog backplane relay")
        for name in names:
            self.backplane[name] = self.frame.sort(relays)

    def get_backplane(self, channels: object) -> str:
        names = self.expand(channels, backplane=False)
        return ";".join(",".join(self.backplane.get(name, [])) for name in names)

    def set_pole(self, channels: object, poles: object) -> None:
        """Set 1, 2 or 4 poles; here multiplexer channels can pair, matrix ones cannot."""
        value = integer_argument(poles, 1, 4, "poles")
        names = self.expand(channels, backplane=False)
        whole_slots = "slot" in str(channels)
        pairs = [name for name in names if self.frame.partner(name)]
        if value == 3 or (value == 4 and (pairs != names) and not (whole_slots and pairs)):
            raise TspError(PARAMETER, f"poles {value} not supported by every channel")
        for name in pairs if value == 4 else names:
            pair = self.frame.partner(name)
            for relay in (name, *([pair] if pair else [])):
                self.backplane.pop(relay, None)
            self.four_pole.discard(name)
            if value == 4:
                self.four_pole.add(name)
        self._drop_patterns(names)

    def get_pole(self, channels: object) -> str:
        names = self.expand(channels, backplane=False)
        return ",".join("4" if name in self.four_pole else "2" for name in names)

    def set_label(self, channels: object, label: object) -> None:
        names = self.expand(channels, slots=False, backplane=False)
        text = text_argument(label, "label").strip()
        if len(names) != 1 or (text and not _NAME.fullmatch(text)):
            raise TspError(PARAMETER, f"invalid label {text}")
        if text in self.patterns or self.labels.get(text, names[0]) != names[0]:
            raise TspError(PARAMETER, f"label already used: {text}")
        self.labels = {key: name for key, name in self.labels.items() if name != names[0]}
        if text:
            self.labels[text] = names[0]

    def get_label(self, channels: object) -> str:
        shown = {name: label for label, name in self.labels.items()}
        return ",".join(shown.get(name, name) for name in self.expand(channels))

    def set_pattern(self, channels: object, name: object) -> None:
        relays = self.expand(channels)
        self.refuse_forbidden(relays)
        text = text_argument(name, "pattern name")
        if not _NAME.fullmatch(text) or text in self.labels:
            raise TspError(PARAMETER, f"invalid pattern name {text}")
        refuse_full(self.patterns, text, "patterns")
        self.patterns[text] = relays

    def get_pattern(self, name: object) -> str:
        return ",".join(self._pattern(name))

    def snapshot(self, name: object) -> None:
        self.set_pattern(",".join(self.relays.all_closed), name)

    def delete_pattern(self, name: object) -> None:
        self._pattern(name)
        del self.patterns[str(name)]

    def _pattern(self, name: object) -> list[str]:
        if name not in self.patterns:
            raise TspError(PARAMETER, "channel pattern does not exist")
        return self.patterns[str(name)]

    def _drop_patterns(self, names: list[str]) -> None:
        self.patterns = {
            key: relays for key, relays in self.patterns.items() if not set(relays) & set(names)
        }

    def _set_rule(self, value: object) -> None:
        self.connect_rule = integer_argument(value, OFF, MAKE_BEFORE_BREAK, "connectrule")
