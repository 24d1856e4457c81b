"""Keithley 3706A system switch and multimeter, in the style of PyMeasure's drivers."""

import re
from collections.abc import Iterable
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set

from labsyn.data.errors import InstrumentDataError, InstrumentError, LimitError
from labsyn.drivers.keithley3706a_dmm import FUNCTIONS, Keithley3706ADmm
from labsyn.drivers.switch_channels import CHANNEL, channel_names
from labsyn.drivers.tsp import TspInstrument

_RULES = {"off": 0, "break_before_make": 1, "make_before_break": 2}


class Keithley3706A(TspInstrument):
    """Connect instruments to devices through switch cards, and measure with the DMM.

    Channels are names such as ``"1101"``: slot, row and column of a matrix, slot and
    channel of a multiplexer, or ``"1911"``: slot and analog backplane relay.

    Parameters
    ----------
    adapter : Adapter or str
        Adapter, or VISA resource name such as ``"GPIB0::16::INSTR"``.
    name : str
        What messages call it.
    never_together : iterable of iterables of str
        Sets of channels of which no two may be closed at the same time.
    forbidden : iterable of str
        Channels that may never be closed, besides those that the instrument itself
        forbids.
    """

    MODEL = re.compile(r"3706A")

    dmm = Instrument.ChannelCreator(Keithley3706ADmm, "dmm")

    connect_rule = Instrument.control(
        "print(channel.connectrule)",
        "channel.connectrule = %d",
        """Control the order in which relays open and close (str: "off",
        "break_before_make" or "make_before_break").""",
        validator=strict_discrete_set,
        values=_RULES,
        map_values=True,
        check_set_errors=True,
        get_process=int,
    )

    def __init__(
        self,
        adapter: Any,
        name: str = "Keithley 3706A",
        never_together: Iterable[Iterable[str]] = (),
        forbidden: Iterable[str] = (),
        **visa: Any,
    ) -> None:
        super().__init__(adapter, name, **visa)
        self.never_together = [frozenset(channel_names(group)) for group in never_together]
        self.forbidden = frozenset(channel_names(forbidden))

    @property
    def closed_channels(self) -> list[str]:
        """Get the relays that are closed, paired ones and backplane relays too (list of str).

        Raises
        ------
        InstrumentDataError
            If the answer is no list of channels.
        """
        reply = self.ask('print(channel.getclose("allslots"))')
        names = [] if reply == "nil" else re.split(r"[;(]", reply.replace(")", ""))
        if not all(CHANNEL.fullmatch(name) for name in names):
            raise InstrumentDataError(f"the 3706A answered {reply[:200]!r}, no channel list")
        return names

    @property
    def forbidden_channels(self) -> list[str]:
        """Get the channels that the instrument itself forbids to close (list of str)."""
        reply = self.ask('print(channel.getforbidden("allslots"))')
        return [] if reply in ("", "nil") else reply.split(",")

    def close_channels(self, *channels: str) -> None:
        """Close relays besides those that are closed already, and read them back.

        Raises
        ------
        LimitError
            If one is forbidden, or must not be closed together with another.
        InstrumentError
            If the instrument refuses, or a relay did not close.
        """
        names = channel_names(channels)
        self.check_allowed(names, self.closed_channels)
        self.command(f'channel.close("{",".join(names)}")')
        self._check_positions(closed=names)

    def close_exclusively(self, *channels: str) -> None:
        """Close only these relays, open all others; raises as `close_channels` does."""
        names = channel_names(channels)
        before = self.closed_channels
        self.check_allowed(names, [] if self.breaks_first else before)
        self.command(f'channel.exclusiveclose("{",".join(names)}")')
        allowed = {*names, *self._backplane_of(names)}
        self._check_positions(closed=names, opened=set(before) - allowed)

    def open_channels(self, *channels: str) -> None:
        """Open relays and read them back; raise InstrumentError if one is still closed."""
        names = channel_names(channels)
        self.command(f'channel.open("{",".join(names)}")')
        self._check_positions(opened=names)

    def open_all(self) -> None:
        """Open every relay; raise InstrumentError if one is still closed."""
        self.command('channel.open("allslots")')
        self._check_positions(opened=None)

    def forbid_channels(self, *channels: str) -> None:
        """Let the instrument itself forbid to close these channels."""
        self.command(f'channel.setforbidden("{",".join(channel_names(channels))}")')

    def allow_channels(self, *channels: str) -> None:
        """Take channels off the instrument's own list of forbidden ones."""
        self.command(f'channel.clearforbidden("{",".join(channel_names(channels))}")')

    def set_backplane(self, channel: str, *relays: str) -> None:
        """Set the analog backplane relays that move with `channel`; none for none."""
        name = channel_names([channel])[0]
        plane = ",".join(channel_names(relays))
        self.command(f'channel.setbackplane("{name}", "{plane}")')

    def get_backplane(self, channel: str) -> list[str]:
        """Return the analog backplane relays that move with `channel`."""
        return self._backplane_of(channel_names([channel]))

    def configure_dmm(self, function: str, *channels: str) -> None:
        """Set the DMM `function` that channels are measured with in a scan or `dmm_close`."""
        strict_discrete_set(function, FUNCTIONS)
        self.command(f'dmm.setconfig("{",".join(channel_names(channels))}", "{function}")')

    def dmm_close(self, channel: str) -> None:
        """Put one channel on the measure path; opens all others of its slot.

        Raises
        ------
        LimitError
            If it is forbidden.
        InstrumentError
            If the instrument refuses, or the relay did not close.
        """
        names = channel_names([channel])
        moving = [f"{channel[0]}911", *self.dmm.measure_paths(names)[0]]
        self.check_allowed(moving, [] if self.breaks_first else self.closed_channels)
        self.command(f'dmm.close("{names[0]}")')
        self._check_positions(closed=names)

    def reset(self) -> None:
        """Open all relays and return every setting to its default."""
        self.command("reset()")

    def settings(self) -> dict[str, str]:
        """Return the instrument's own words for its state, for the run file."""
        questions = {
            "closed": 'channel.getclose("allslots")',
            "forbidden": 'channel.getforbidden("allslots")',
            "connect_rule": "channel.connectrule",
            "dmm_function": "dmm.func",
        } | {f"slot{slot}": f"slot[{slot}].idn" for slot in range(1, 7)}
        return {name: self.ask(f"print({text})") for name, text in questions.items()}

    def shutdown(self) -> None:
        """Open every relay and see that it did; abort a scan before.

        Raises
        ------
        InstrumentError
            If a relay is still closed, or the instrument does not answer.
        """
        errors = []
        for step in (self._abort_scan, self.open_all):
            try:
                step()
            except InstrumentError as error:
                errors.append(error)
        super().shutdown()
        if errors:
            raise errors[0]

    def _abort_scan(self) -> None:
        self.write("scan.abort()")

    @property
    def breaks_first(self) -> bool:
        """Get whether relays that open do so before others close (bool).

        Only then do the channels of two steps never meet.
        """
        return self.connect_rule == "break_before_make"

    def check_allowed(self, names: list[str], closed: list[str]) -> None:
        """Raise LimitError if `names` must not close while `closed` are closed.

        The backplane relays that move with `names` are looked at, too.
        """
        names = [*names, *self._backplane_of(names)]
        forbidden = self.forbidden.union(self.forbidden_channels)
        for name in names:
            if name in forbidden:
                raise LimitError(f"channel {name} is forbidden to close; nothing was sent")
        for group in self.never_together:
            meeting = sorted(group.intersection([*names, *closed]))
            if len(meeting) > 1 and group.intersection(names):
                raise LimitError(
                    f"channels {' and '.join(meeting)} must never be closed together; "
                    "nothing was sent"
                )

    def _check_positions(
        self, closed: Iterable[str] = (), opened: Iterable[str] | None = ()
    ) -> None:
        """Raise InstrumentError for relays that are not where they should be."""
        now = self.closed_channels
        missing = [name for name in closed if name not in now]
        left = now if opened is None else [name for name in opened if name in now]
        for names, position in ((missing, "open"), (left, "closed")):
            if names:
                raise InstrumentError(
                    f"relay {', '.join(sorted(names))} of the 3706A is still {position}; "
                    "it may be stuck"
                )

    def _backplane_of(self, names: list[str]) -> list[str]:
        channels = ",".join(name for name in names if name[1] != "9")
        if not channels:
            return []
        reply = self.ask(f'print(channel.getbackplane("{channels}"))')
        return [] if reply == "nil" else [name for name in re.split("[;,]", reply) if name]
