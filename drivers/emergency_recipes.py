"""What is sent to an instrument to make it safe, and what it must answer then.

Raw messages, because nothing of the driver's may be needed; `tests/drivers/test_emergency.py`
holds that there is one recipe for each driver and that it does what it says.
"""

from collections.abc import Callable
from dataclasses import dataclass

STAGES = ("pulses", "sources", "lock-ins", "relays", "field")
"""The order that protects a device: relays do not move before nothing drives them."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The way of one kind of instrument to its safe state.

    Attributes
    ----------
    stage : str
        One of `STAGES`.
    ramp : str
        Setting that is read and brought to zero in steps first; empty for none.
    messages : tuple of str
        Then sent in this order; empty for an instrument that drives nothing.
    confirmations : tuple of (str, callable)
        Queries, and whether a reply means that the instrument is off.
    clear : bool
        Whether a device clear comes before everything else, where the interface knows one.
    """

    stage: str
    ramp: str = ""
    messages: tuple[str, ...] = ()
    confirmations: tuple[tuple[str, Callable[[str], bool]], ...] = ()
    clear: bool = True


def _text(*wanted: str) -> Callable[[str], bool]:
    return lambda reply: reply in wanted


def _number(wanted: float) -> Callable[[str], bool]:
    return lambda reply: abs(float(reply) - wanted) < 1e-6


def _generator(*outputs: str) -> Recipe:
    return Recipe(
        stage="pulses",
        messages=tuple(f"{output} 0" for output in outputs),
        confirmations=tuple((f"{output}?", _number(0)) for output in outputs),
    )


RECIPES: dict[str, Recipe] = {
    "KeysightB1500A": Recipe(
        stage="sources",
        # SPP ends the pulses of an SPGU; without one it is an error in the queue, no more.
        messages=("AB", "SPP", "DZ", "CL"),
        confirmations=(("*LRN? 0", _text("CL")),),
    ),
    "Keithley3706A": Recipe(
        stage="relays",
        # In volts the meter drives no test current through what it measures.
        messages=("scan.abort()", 'dmm.func = "dcvolts"', 'channel.open("allslots")'),
        confirmations=(('print(channel.getclose("allslots"))', _text("nil")),),
    ),
    "Keysight81160A": _generator(":OUTP1", ":OUTP2"),
    "Agilent33500": _generator("OUTP1", "OUTP2"),
    "Agilent33250A": _generator("OUTP"),
    "Agilent33220A": _generator("OUTP"),
    "SR830": Recipe(
        stage="lock-ins",
        messages=("SLVL0.004", *(f"AUXV{n},0" for n in range(1, 5))),  # there is no 0 V
        confirmations=(
            ("SLVL?", _number(0.004)),
            *((f"AUXV?{n}", _number(0)) for n in range(1, 5)),
        ),
    ),
    "SR860": Recipe(
        stage="lock-ins",
        messages=("SLVL 0", "SOFF 0", *(f"AUXV {n},0" for n in range(4))),
        confirmations=(
            ("SLVL?", _number(0)),
            ("SOFF?", _number(0)),
            *((f"AUXV? {n}", _number(0)) for n in range(4)),
        ),
    ),
    "KepcoBOP": Recipe(
        stage="field",
        ramp="CURR",
        messages=("CURR 0", "VOLT 0", "OUTP 0"),
        confirmations=(("CURR?", _number(0)), ("OUTP?", _number(0))),
        # Some supplies take a device clear for a reset, which would break the current.
        clear=False,
    ),
    "LakeShore425": Recipe(stage="field"),  # it drives nothing
}
"""One for each name of `labsyn.drivers.catalogue`."""
