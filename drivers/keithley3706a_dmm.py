"""The multimeter inside a Keithley 3706A: function, reading buffers, scans."""

import re
from collections.abc import Iterable

from pymeasure.instruments import Channel
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from labsyn.data.errors import InstrumentError, LimitError
from labsyn.drivers.switch_channels import channel_names

FUNCTIONS = [
    "dcvolts", "acvolts", "dccurrent", "accurrent", "twowireohms", "fourwireohms",
    "frequency", "period", "temperature", "continuity",
]  # fmt: skip
_BUFFER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SCAN_SUCCESS = 6


class Keithley3706ADmm(Channel):
    """Measure what the relays of the switch put on the measure path.

    Settings are kept for each function.
    """

    function = Channel.control(
        "print({ch}.func)",
        '{ch}.func = "%s"',
        """Control what the DMM measures (str, such as "dcvolts" or "twowireohms").""",
        validator=strict_discrete_set,
        values=FUNCTIONS,
        check_set_errors=True,
    )
    range = Channel.control(
        "print({ch}.range)",
        "{ch}.range = %.9g",
        """Control the range of the DMM function in its unit (float, strictly 0 to 1e8);
        setting it switches the automatic range off.""",
        validator=strict_range,
        values=(0, 1e8),
        check_set_errors=True,
    )
    autorange_enabled = Channel.control(
        "print({ch}.autorange)",
        "{ch}.autorange = %d",
        """Control whether the DMM finds its range itself (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        check_set_errors=True,
        get_process=int,
    )
    nplc = Channel.control(
        "print({ch}.nplc)",
        "{ch}.nplc = %.9g",
        """Control the integration time in power line cycles (float, strictly 0.0005 to 15).""",
        validator=strict_range,
        values=(5e-4, 15),
        check_set_errors=True,
    )

    def measure(self) -> float:
        """Take one reading, in the unit of the DMM function; NaN where it overflows."""
        return self.parent.numbers(self.ask("print(dmm.measure())"), ",")[0]

    def make_buffer(self, name: str, capacity: int) -> None:
        """Make a reading buffer for `capacity` readings, a Lua variable called `name`."""
        self.parent.command(f"{_buffer(name)} = dmm.makebuffer({int(capacity)})")

    def measure_into(self, name: str, count: int) -> None:
        """Take `count` readings into a buffer, which is cleared first."""
        self.parent.command(f"dmm.measurecount = {int(count)} dmm.measure({_buffer(name)})")

    def read_buffer(self, name: str) -> tuple[list[float], list[float], list[str]]:
        """Return readings, seconds since the first one, and channels of a buffer.

        A reading that overflowed is NaN.
        """
        buffer = _buffer(name)
        count = int(self.parent.numbers(self.ask(f"print({buffer}.n)"), ",")[0])
        if not count:
            return [], [], []
        span = f"1, {count}, {buffer}"
        values = self.parent.numbers(self.ask(f"printbuffer({span}.readings)"), ", ", count)
        times = self.parent.numbers(
            self.ask(f"printbuffer({span}.relativetimestamps)"), ", ", count
        )
        channels = self.ask(f"printbuffer({span}.channels)").split(", ")
        return values, times, channels

    def scan(self, channels: Iterable[str], buffer: str, *, n_scans: int = 1) -> None:
        """Measure channels one after the other into a buffer, as they are configured.

        Raises
        ------
        LimitError
            If a channel is forbidden.
        InstrumentError
            If the instrument refuses, or the scan did not succeed.
        """
        names = channel_names(channels)
        for step in [[name] for name in names] if self.parent.breaks_first else [names]:
            self.parent.check_allowed(step, [])
        self.parent.command(f'scan.create("{",".join(names)}") scan.scancount = {int(n_scans)}')
        self.parent.command(f"scan.execute({_buffer(buffer)})")
        state = int(self.parent.numbers(self.ask("print(scan.state())").split("\t")[0], ",")[0])
        if state != _SCAN_SUCCESS:
            raise InstrumentError(f"the scan of the 3706A ended in state {state}")


def _buffer(name: str) -> str:
    if not _BUFFER.fullmatch(name):
        raise LimitError(f"{name!r} is no name for a reading buffer; write letters and digits")
    return name
