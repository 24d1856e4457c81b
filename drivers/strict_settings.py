"""Settings of PyMeasure drivers that refuse values out of range and answers that fit nothing.

PyMeasure's validators raise a plain ValueError without unit or name, and its mapped settings
let a KeyError through when the instrument answers an index that does not exist.
"""

import math
from collections.abc import Mapping
from typing import Any

from pymeasure.instruments import Instrument

from labsyn.data.errors import InstrumentDataError, LimitError

_SHOWN = 5  # choices that a message lists in full


def number_setting(
    get: str,
    put: str,
    what: str,
    unit: str,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> Any:
    """Return the property of a number, of which errors are read after setting.

    Parameters
    ----------
    get, put : str
        Query, and command with a place for the value such as ``"FREQ %g"``.
    what, unit : str
        What it controls, such as ``"the reference frequency"``, and its unit; empty without.
    low, high : float
        Bounds, both allowed.
    whole : bool
        Whether it is a whole number.
    """
    of_unit = f" {unit}" if unit else ""

    def check(value: float, bounds: tuple[float, float]) -> float:
        if bounds[0] <= value <= bounds[1] and (not whole or value == int(value)):
            return value
        kind = "a whole number " if whole else ""
        raise LimitError(
            f"{value:g}{of_unit} for {what} is not in range: {kind}from {low:g} to "
            f"{high:g}{of_unit} is allowed; nothing was sent"
        )

    def read(value: float) -> float:
        if not math.isfinite(value):
            raise InstrumentDataError(f"the answer to {get} is {value}, no number")
        return value

    setting = Instrument.control(
        get,
        put,
        f"Control {what}{f' in {unit}' if unit else ''} "
        f"({'int' if whole else 'float'}, strictly {low:g} to {high:g}).",
        validator=check,
        values=(low, high),
        cast=int if whole else float,
        get_process=read,
        get_process_list=_refuse_list(get),
        check_set_errors=True,
    )
    return _naming_the_instrument(setting)


def choice_setting(
    get: str,
    put: str,
    what: str,
    choices: Mapping[Any, Any],
    *,
    unit: str = "",
    answers: Mapping[Any, Any] | None = None,
) -> Any:
    """Return the property of one of several values, of which errors are read after setting.

    Parameters
    ----------
    get, put : str
        Query, and command with a place for what is sent such as ``"OFLT %d"``.
    what, unit : str
        What it controls, and the unit of the values; empty without.
    choices : mapping
        What is sent, by value.
    answers : mapping, optional
        What is answered, by value, where that differs.
    """
    known = {answer: value for value, answer in (answers or choices).items()}
    of_unit = f" {unit}" if unit else ""
    listed = _list(choices)

    def check(value: Any, allowed: Mapping[Any, Any]) -> Any:
        if value in allowed:
            return value
        raise LimitError(
            f"{value!r}{of_unit} for {what} is not in the choices {listed}{of_unit}; "
            "nothing was sent"
        )

    def read(answer: Any) -> Any:
        if answer not in known:
            raise InstrumentDataError(
                f"the answer to {get} is {answer!r}, it must be one of {_list(known)}"
            )
        return known[answer]

    setting = Instrument.control(
        get,
        put,
        f"Control {what}{f' in {unit}' if unit else ''} (strictly {listed}).",
        validator=check,
        values=choices,
        set_process=lambda value: choices[value],
        get_process=read,
        get_process_list=_refuse_list(get),
        check_set_errors=True,
    )
    return _naming_the_instrument(setting)


def indices(values: list[float]) -> dict[float, int]:
    """Return the index of each value: what terse instruments are sent."""
    return {value: index for index, value in enumerate(values)}


def _naming_the_instrument(setting: Any) -> property:
    """Return the property with a note on its errors: the functions above know no name."""

    def get(instrument: Instrument) -> Any:
        try:
            return setting.fget(instrument)
        except InstrumentDataError as error:
            error.add_note(f"at {instrument.name}")
            raise

    def put(instrument: Instrument, value: Any) -> None:
        try:
            setting.fset(instrument, value)
        except LimitError as error:
            error.add_note(f"at {instrument.name}")
            raise

    return property(get, put, doc=setting.__doc__)


def _list(values: Mapping[Any, Any]) -> str:
    """Return the values as text, a long list as its first two and its last."""
    texts = [repr(value) for value in values]
    if len(texts) > _SHOWN:
        texts = [*texts[:2], f"… {texts[-1]}"]
    return ", ".join(texts)


def _refuse_list(get: str) -> Any:
    def refuse(values: list[Any]) -> Any:
        raise InstrumentDataError(f"the answer to {get} is {values!r:.200}, not one value")

    return refuse
