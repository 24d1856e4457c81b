"""The load that the voltages of a generator are meant for: with a wrong one they are wrong."""

import math
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_range


def load_control(set_command: str, low: float, high: float) -> Any:
    """Return the property of the load, in ohm or infinite, for a set command with ``%s``."""

    def validate(value: float, values: tuple[float, float]) -> float:
        return value if value == math.inf else float(strict_range(value, values))

    def text(value: float) -> str:
        return "INF" if value == math.inf else f"{value:.6g}"

    return Instrument.control(
        set_command.replace(" %s", "?"),
        set_command,
        f"""Control the load that voltages are meant for, in ohm
        (float, strictly {low:g} to {high:g}, or infinity).""",
        validator=validate,
        values=(low, high),
        set_process=text,
        get_process=lambda value: math.inf if value > 1e30 else value,
    )
