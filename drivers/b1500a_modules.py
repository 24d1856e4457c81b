"""Pulse generator and capacitance unit of a B1500A: PyMeasure's channels, made trustworthy."""

from typing import Any

from pymeasure.instruments import Channel
from pymeasure.instruments.agilent.agilentB1500 import CMU, SPGU, SPGUOutputMode
from pymeasure.instruments.validators import strict_range

from labsyn.data.errors import InstrumentDataError, InstrumentError, LimitError
from labsyn.drivers.clock import Clock
from labsyn.drivers.wire import as_labsyn_errors

_LONGEST = 31_556_926.0
_OVERDUE = 10.0  # seconds beyond the end of a train
_POLLS = 100  # questions during a train


class CheckedModule(Channel):
    """Mixin in front of PyMeasure's modules, whose setters read no errors.

    Holds for the channels of a module too: they speak through it.
    """

    def write(self, command: str, **kwargs: Any) -> None:
        """Send `command`; raise InstrumentError if it sets something and was refused."""
        if "?" not in command:
            self.parent.command(self.insert_id(command))
            return
        with as_labsyn_errors(self.parent.name, command):
            super().write(command, **kwargs)

    def read(self, **kwargs: Any) -> str:
        """Read an answer; raise InstrumentDisconnected if there is none."""
        with as_labsyn_errors(self.parent.name):
            return str(super().read(**kwargs))


class KeysightSPGU(CheckedModule, SPGU):
    """Pulse generator module B1525A; channels ``ch…01`` and ``ch…02``."""

    # PyMeasure 0.16 sends the period with %f: 100 ns go out as 0.000000.
    period = Channel.control(
        "SPPER?",
        "SPPER %.9g",
        """Control the pulse period of all modules in seconds (float, 20e-9 to 10).""",
        validator=strict_range,
        values=(2e-8, 10),
    )

    def set_output_mode(self, mode: Any, condition: float | None = None) -> None:
        """Set free run, a count of pulses, or a duration in seconds (``SPRM``).

        PyMeasure 0.16 truncates a duration to whole seconds: 1 ms goes out as 0.
        """
        mode = SPGUOutputMode.get(mode)
        if mode == SPGUOutputMode.FREE_RUN:
            self.write(f"SPRM {mode.value}")
            return
        counts = mode == SPGUOutputMode.COUNT
        low, high = (1.0, 1e6) if counts else (1e-6, _LONGEST)
        whole = condition is not None and float(condition).is_integer()
        if condition is None or not low <= condition <= high or (counts and not whole):
            allowed = "a whole number from 1 to 1e6" if counts else f"{low:g} to {high:g} s"
            raise LimitError(
                f"SPGU {mode.name} with {condition!r}, {allowed} is needed; nothing was sent"
            )
        self.write(f"SPRM {mode.value},{condition:.10g}")

    def setup_pulses(
        self, channel: int, voltage: float, *, width: float, period: float, n_pulses: int,
        load: float, base: float = 0.0, edge: float = 2e-8, delay: float = 0.0,
    ) -> None:  # fmt: skip
        """Prepare `n_pulses` two-level pulses of sub-channel 1 or 2, and rest at `base`.

        Parameters
        ----------
        voltage, base : float
            At the load, in volt.
        width, period, edge, delay : float
            In seconds; the width is from half height to half height.
        load : float
            Impedance of the device in ohm, 0.1 to 1e6: the generator corrects for its own
            50 Ω with it. Left at the initial 50 Ω, a device of high resistance gets twice
            the voltage.
        """
        if channel not in (1, 2):
            raise LimitError(f"SPGU channel {channel}, there are 1 and 2; nothing was sent")
        number = int(f"{self.id}0{channel}")
        send = self.write
        send("SIM 0")
        self.period = period
        self.set_output_mode(SPGUOutputMode.COUNT, n_pulses)
        send(f"ODSW {number},0")
        send(f"SPV {number},1,0,0")  # a level left from before may be too high for this load
        send(f"SER {number},{load:.9g}")
        send(f"SPM {number},1")
        send(f"SPT {number},1,{delay:.9g},{width:.9g},{edge:.9g},{edge:.9g}")
        send(f"SPV {number},1,{base:.9g},{voltage:.9g}")
        send(f"CN {number}")
        send(f"SPUPD {number}")

    def run(self) -> None:
        """Start the pulses of all channels that are on (``SRP``); `wait` for their end."""
        self.write("SRP")

    def wait(self, clock: Clock) -> None:
        """Let time pass on `clock` until a train with an end is over.

        Raises
        ------
        LimitError
            If the pulses run free.
        InstrumentError
            If they go on 10 s after their end.
        """
        mode, condition = self.get_output_mode()
        if mode == SPGUOutputMode.FREE_RUN:
            raise LimitError("the SPGU runs free, without an end to wait for; use stop()")
        lasts = condition * self.period if mode == SPGUOutputMode.COUNT else condition
        end = clock.now() + lasts + _OVERDUE
        while self.is_running:
            if clock.now() > end:
                raise InstrumentError(
                    f"the SPGU still runs {_OVERDUE:g} s after its {lasts:g} s of pulses"
                )
            clock.sleep(max(lasts / _POLLS, 1e-3))

    def stop(self) -> None:
        """End the pulses: every channel returns to its base voltage (``SPP``)."""
        self.write("SPP")

    @property
    def is_running(self) -> bool:
        """Get whether pulses are being put out (``SPST?``)."""
        reply = self.ask("SPST?").strip()
        if reply not in ("0", "1"):
            raise InstrumentDataError(f"the B1500A answered {reply[:200]!r} to SPST?")
        return bool(reply == "1")


class KeysightCMU(CheckedModule, CMU):
    """Capacitance unit B1520A."""

    def set_cv_timings(
        self,
        hold_time: float,
        delay_time: float,
        step_delay_time: float = 0.0,
        step_source_trigger_delay_time: float = 0.0,
    ) -> None:
        """Set the times of a C-V sweep in seconds (``WTDCV``).

        PyMeasure 0.16 sends the slot first, where the instrument reads the hold time.
        """
        times = (hold_time, delay_time, step_delay_time, step_source_trigger_delay_time)
        self.write("WTDCV " + ",".join(f"{seconds:.9g}" for seconds in times))
