"""Real Lua for a simulated TSP instrument, in a sandbox that no script leaves or hangs.

Lua 5.1 through lupa; the instrument's own is an older Lua whose scripts run on it.
"""

import inspect
from collections.abc import Callable
from typing import Any

import lupa.lua51 as lua51

from labsyn.drivers.simulated.tsp_errors import (
    INPUT_OVERRUN,
    MISSING_PARAMETER,
    PARAMETER,
    RUNTIME,
    SYNTAX,
    TOO_MANY_PARAMETERS,
    ErrorQueue,
    TspError,
)
from labsyn.drivers.simulated.tsp_library import LIBRARY
from labsyn.drivers.simulated.tsp_prelude import PRELUDE

MAX_STEPS = 10_000_000
MAX_SECONDS = 10.0  # of processor time, for one message
MAX_BYTES = 16 << 20
LONGEST_MESSAGE = 1 << 18  # the compiler's time may grow with its square
# Lua ends the process when memory runs out while Python hands it a value. Scripts are
# stopped far below: between the two limits there is always room for such a value.
_HEADROOM = 48 << 20
_KEPT = 0.75  # of the memory, at most, from message to message: the next one needs some, too


class TspSandbox:
    """One Lua state with the objects of an instrument in it.

    Parameters
    ----------
    errors : ErrorQueue
        Where everything goes that a script does wrong.
    emit : callable
        Takes each line that a script prints.
    digits : callable
        Returns the number of decimals of a printed number.
    max_steps, max_seconds, max_bytes : int, float, int
        What one message may take: Lua instructions, processor time, memory. The memory
        holds all that scripts have left behind, too.
    """

    def __init__(
        self,
        errors: ErrorQueue,
        emit: Callable[[str], None],
        digits: Callable[[], int],
        *,
        max_steps: int = MAX_STEPS,
        max_seconds: float = MAX_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._errors = errors
        self._emit, self._digits = emit, digits
        self._limits = (max_steps, max_seconds, max_bytes)
        self._installed: list[tuple[str, str, Any]] = []
        self._sources: list[tuple[str, str, tuple[Any, ...]]] = []
        self._start()

    def function(self, path: str, call: Callable[..., Any]) -> None:
        """Let scripts call `call` as `path`, such as ``"channel.close"``.

        It gets texts, numbers, booleans and None, and returns the same, or a tuple of
        them; a TspError that it raises is queued, and the script gets nil.
        """
        self._add(path, "function", self._guarded(call))

    def attribute(
        self,
        path: str,
        read: Callable[[], Any],
        write: Callable[[Any], None] | None = None,
    ) -> None:
        """Let scripts read and, with `write`, assign `path`."""
        self._add(path, "read", self._guarded(read))
        if write is not None:
            self._add(path, "write", self._guarded(write))

    def constant(self, path: str, value: str | float) -> None:
        """Let scripts read `value` at `path`."""
        self._add(path, "constant", value)

    def source(self, name: str, source: str, *calls: Callable[..., Any]) -> None:
        """Run trusted Lua that gets the tools of the prelude and `calls`."""
        self._sources.append((name, source, tuple(self._guarded(call) for call in calls)))
        self._install_lua(source, name, *self._sources[-1][2])

    def run(self, script: str) -> None:
        """Run one message; whatever is wrong with it goes to the error queue."""
        if script.startswith("\x1b"):  # Lua would take it for its own compiled code
            self._errors.push(TspError(SYNTAX, "compiled scripts are not allowed"))
            return
        self._limited(self._run, script)

    def enter(self, name: str, *values: str | float | bool) -> None:
        """Call what the `source` called `name` returned, under the limits of a message."""
        self._limited(self._enter, name, *values)

    def _limited(self, call: Callable[..., Any], *values: str | float | bool) -> None:
        if any(isinstance(value, str) and len(value) > LONGEST_MESSAGE for value in values):
            self._errors.push(TspError(INPUT_OVERRUN))
            return
        self._lua.set_max_memory(self._limits[2] + _HEADROOM)
        try:
            kind, reason = call(*values)
        except lua51.LuaError as error:  # a limit, reached between two protected calls
            kind, reason = "runtime", str(error)
        finally:
            self._lua.set_max_memory(0)
        if kind:
            self._errors.push(TspError(SYNTAX if kind == "syntax" else RUNTIME, reason))
        self._tidy()

    def _tidy(self) -> None:
        """Start afresh where scripts left no memory, as switching it off and on does."""
        if self._lua.get_memory_used() > _KEPT * self._limits[2]:
            self._lua.gccollect()
            if self._lua.get_memory_used() > _KEPT * self._limits[2]:
                self._start()

    def _start(self) -> None:
        max_steps, max_seconds, max_bytes = self._limits
        self._lua = lua51.LuaRuntime(
            encoding="latin-1",
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_filter=_no_attributes,
            max_memory=0,
        )
        self._run, self._install, self._install_lua, self._enter = self._lua.execute(
            PRELUDE,
            LIBRARY,
            max_steps,
            max_seconds,
            max_bytes / 1024,
            self._guarded(self._emit),
            self._guarded(self._digits),
            self._guarded(_refuse),
        )
        for entry in self._installed:
            self._install(*entry)
        for name, source, calls in self._sources:
            self._install_lua(source, name, *calls)

    def _add(self, path: str, kind: str, value: Any) -> None:
        self._installed.append((path, kind, value))
        self._install(path, kind, value)

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call` for Lua: it never raises what a script might catch and take apart.

        What is no TspError is a defect of ours, and told as one.
        """
        parameters = inspect.signature(call).parameters.values()
        open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        most = len(parameters)
        least = sum(p.default is p.empty for p in parameters) - open_ended

        def guarded(*values: Any) -> Any:
            try:
                if len(values) < least:
                    raise TspError(MISSING_PARAMETER)
                if len(values) > most and not open_ended:
                    raise TspError(TOO_MANY_PARAMETERS)
                return call(*values)
            except TspError as error:
                self._errors.push(error)
            except Exception as error:
                reason = f"defect in the simulation, {type(error).__name__}: {error}"
                self._errors.push(TspError(RUNTIME, reason))
            return None

        return guarded


def _no_attributes(instance: object, name: str, is_setting: bool) -> str:
    raise AttributeError("scripts see no attributes of Python objects")


def _refuse(path: str) -> None:
    raise TspError(PARAMETER, f"cannot assign to {path}")
