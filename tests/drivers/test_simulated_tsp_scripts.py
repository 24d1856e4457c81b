"""Scripts that are loaded, run and saved in the simulated 3706A."""

from collections.abc import Callable

import pytest

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.keithley3706a import SimulatedKeithley3706A
from labsyn.drivers.simulated.wiring import Wiring

Ask = Callable[[str], list[str]]


@pytest.fixture
def instrument() -> SimulatedKeithley3706A:
    clock = VirtualClock()
    return SimulatedKeithley3706A(Wiring(clock), clock)


@pytest.fixture
def ask(instrument: SimulatedKeithley3706A) -> Ask:
    def ask(message: str) -> list[str]:
        """Return all lines that a message is answered with."""
        instrument.write(message.encode() + b"\n")
        answer = b""
        while piece := instrument.read(1 << 20)[0]:
            answer += piece
        return answer.decode().splitlines()

    return ask


def error(ask: Ask) -> str:
    """Return code and text of the only error."""
    code, text, *_ = ask("print(errorqueue.next())")[0].split("\t")
    assert ask("print(errorqueue.count)") == ["0.000000000e+00"]
    return f"{float(code):.0f} {text}"


def test_a_named_script_is_loaded_and_run(ask: Ask) -> None:
    assert ask("loadscript twice\nfunction f(n)\n\n  return 2 * n\nend\nprint(f(2))") == []
    assert ask("print('part of the script')") == []
    assert ask("endscript") == []
    expected = ["4.000000000e+00", "part of the script"]
    assert ask("twice()") == ask("twice.run()") == expected
    assert ask("print(twice.name, twice.autorun)") == ["twice\tno"]
    assert ask("twice.list()") == [
        "loadscript twice", "function f(n)", "", "  return 2 * n", "end", "print(f(2))",
        "print('part of the script')", "endscript",
    ]  # fmt: skip
    assert ask("print(script.user.scripts.twice == twice)") == ["true"]
    assert error(ask) == "0 Queue Is Empty"


def test_the_anonymous_script(ask: Ask) -> None:
    ask("script.run()")
    assert error(ask) == "1114 Settings conflict error, there is no anonymous script"
    assert ask("loadandrunscript\nprint('a')\nendscript") == ["a"]
    assert ask("script.run()") == ask("script.anonymous()") == ["a"]
    ask("loadscript\nprint('b')\nendscript")
    assert ask("script.run()") == ["b"]


def test_what_is_wrong_with_a_script_goes_to_the_queue(ask: Ask) -> None:
    ask("loadscript bad\nx = 1\nx = = 1\nendscript")
    assert error(ask) == "-285 TSP Syntax Error, bad:2: unexpected symbol near '='"
    assert ask("print(bad)") == ["nil"]
    ask("loadscript channel.close\nendscript")
    assert error(ask) == "1114 Settings conflict error, invalid script name"
    ask("loadandrunscript fails\n\nerror('so')\nendscript")
    assert error(ask) == "-286 TSP Runtime Error, fails:2: so"
    ask("loadandrunscript endless\nwhile true do end\nendscript")
    assert error(ask) == "-286 TSP Runtime Error, instruction limit reached"
    ask("loadscript long\n" + "x = 1\n" * 50_000 + "endscript")
    assert error(ask) == "-363 Input buffer overrun"


def test_a_name_used_again_leaves_the_former_script_without_one(ask: Ask) -> None:
    ask("s = script.new('print(1)', 'one') script.new('print(2)', 'one')")
    assert ask("one() s() print(s.name)") == ["2.000000000e+00", "1.000000000e+00", ""]
    ask("s.name = 'other' s.source = 'print(3)' s.autorun = 'yes'")
    assert ask("script.user.scripts.other() print(s.autorun)") == ["3.000000000e+00", "yes"]
    for assignment in ("s.name = 1", "s.autorun = 'no!'", "s.nosuch = 1"):
        ask(assignment)
        assert error(ask) == "1114 Settings conflict error, cannot assign this to a script"


def test_saved_scripts_come_back(ask: Ask) -> None:
    ask("script.new('print(1)', 'one') script.new('print(2)', 'two') one.save() two.save()")
    assert ask("for name in script.user.catalog() do print(name) end") == ["one", "two"]
    ask("one = nil script.restore('one')")
    assert ask("one()") == ["1.000000000e+00"]
    ask("script.delete('one')")
    assert ask("print(one, script.user.scripts.one)") == ["nil\tnil"]
    ask("script.restore('one')")
    assert error(ask) == "1114 Settings conflict error, script was not saved"
    ask("script.delete('one')")
    assert error(ask) == "1114 Settings conflict error, there is no such script"
    ask("t = {} for i = 1, 1e9 do t[i] = {} end")  # which switches the Lua off and on
    assert "not enough memory" in error(ask)
    assert ask("print(t) two()") == ["nil", "2.000000000e+00"]


def test_the_memory_for_scripts_has_an_end(ask: Ask) -> None:
    ask("s = script.new(string.rep('x = 1 ', 4e4), 'big')")
    ask("for i = 1, 9 do s.name = 'big' .. i s.save() end")
    ask("for i = 1, 4 do errorqueue.next() end")
    assert error(ask) == "1114 Settings conflict error, no memory left for scripts"
    ask("script.new('x = 1').save()")
    assert error(ask) == "1115 Parameter error, a script needs a name to be saved"


def test_device_clear_forgets_half_a_script(
    instrument: SimulatedKeithley3706A, ask: Ask
) -> None:
    assert ask("loadscript half\nprint(1)") == []
    instrument.clear()
    assert ask("print(half)") == ["nil"]
