"""The Lua sandbox: what a script may do, and that nothing hangs or ends the process."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsyn.drivers.clock import VirtualClock
from labsyn.drivers.simulated.keithley3706a import SimulatedKeithley3706A
from labsyn.drivers.simulated.lixcoo2 import LixCoO2
from labsyn.drivers.simulated.tsp_errors import PARAMETER, ErrorQueue, TspError
from labsyn.drivers.simulated.tsp_sandbox import TspSandbox
from labsyn.drivers.simulated.wiring import Wiring


class Host:
    """A sandbox with one function that refuses, and one attribute."""

    def __init__(self, max_seconds: float = 10.0) -> None:
        self.errors = ErrorQueue()
        self.printed: list[str] = []
        self.taken: list[object] = []
        self.sandbox = TspSandbox(
            self.errors, self.printed.append, lambda: 9, max_seconds=max_seconds
        )
        self.sandbox.function("thing.take", self.taken.append)
        self.sandbox.function("thing.refuse", self._refuse)
        self.sandbox.function("thing.divide", lambda: 1 / 0)
        self.sandbox.function("thing.pair", lambda: (1.5, "two", None, True))
        self.sandbox.attribute("slot.2.rows.matrix", lambda: 6)
        self.sandbox.constant("thing.NAME", "x")

    def _refuse(self, reason: str = "no reason") -> None:
        raise TspError(PARAMETER, reason)

    def run(self, script: str) -> list[str]:
        """Return what a script prints."""
        self.printed.clear()
        self.sandbox.run(script)
        return list(self.printed)

    def error(self) -> tuple[int, str]:
        """Return the only error in the queue."""
        assert len(self.errors) == 1
        return self.errors.next()[:2]


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("print(1, -2.5e-3)", "1.000000000e+00\t-2.500000000e-03"),
        ("print(true, nil, 'a', \"b\", [[c]])", "true\tnil\ta\tb\tc"),
        ("print()", ""),
        ("print(0/0 ~= 0/0, 1/0)", "true\tinf"),
        ("if 1 > 2 then print(1) else print('x' .. 2) end", "x2"),
        ("a = 1 b = 2 print(a + b)", "3.000000000e+00"),
        ("print(thing.pair())", "1.500000000e+00\ttwo\tnil\ttrue"),
        ("print(slot[2].rows.matrix, slot[2].columns, slot[3])", "6.000000000e+00\tnil\tnil"),
        ("print(thing.NAME, thing.other)", "x\tnil"),
        ("print(pcall(error, 'why'))", "false\twhy"),
        ("print(xpcall(function() error('e', 0) end, function(m) return m .. '!' end))",
         "false\te!"),
        ("print(xpcall(function() return 'fine' end, error))", "true\tfine"),
        ("print(loadstring('return 7')())", "7.000000000e+00"),
        ("print(string.find('hello', 'l+'))", "3.000000000e+00\t4.000000000e+00"),
        ("print(string.find('a.b', '.', 1, true))", "2.000000000e+00\t2.000000000e+00"),
        ("print((string.gsub('a,b', ',', ';')))", "a;b"),
        ("print(string.match('slot12', '%d+'))", "12"),
        ("for w in string.gmatch('a b', '%a') do x = (x or '') .. w end print(x)", "ab"),
        ("print(string.rep('ab', 2), string.format('%d', 3))", "abab\t3"),
        ("t = {2, 1} table.sort(t) table.insert(t, 1, 0) print(table.concat(t, ' '))",
         "0 1 2"),
        ("t = {1, 2} print(table.remove(t))", "2.000000000e+00"),
        ("print(collectgarbage('count') > 0, collectgarbage())", "true\t0.000000000e+00"),
        ("function f() return 1 end", None),
    ],
)  # fmt: skip
def test_lua_is_lua(host: Host, script: str, line: str | None) -> None:
    assert host.run(script) == ([] if line is None else [line])
    assert len(host.errors) == 0


def test_globals_stay_from_message_to_message(host: Host) -> None:
    host.run("function f(n) return 2 * n end count = 4")
    assert host.run("print(f(count))") == ["8.000000000e+00"]


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("x = = 1", -285, "unexpected symbol"),
        ("print(", -285, "unexpected symbol"),
        ("\x1bLua", -285, "compiled scripts are not allowed"),
        ("x.y = 1", -286, "attempt to index global 'x'"),
        ("nosuch()", -286, "attempt to call global 'nosuch'"),
        ("error('mine', 0)", -286, "mine"),
        ("error({})", -286, "error object is a table"),
        ("thing.new = 1", 1115, "cannot assign to thing.new"),
        ("thing.take()", -109, "Missing parameter"),
        ("thing.take(1, 2)", -108, "Parameter not allowed"),
        ("thing.refuse('so')", 1115, "Parameter error, so"),
        ("table.insert({}, -2^31, 1)", -286, "position out of bounds"),
        ("loadstring(print)", -286, "string expected"),
        ("collectgarbage('stop')", -286, "option not allowed"),
        ("loadstring('\\27Lua')()", -286, "attempt to call a nil value"),
    ],
)
def test_what_is_wrong_goes_to_the_queue(
    host: Host, script: str, code: int, reason: str
) -> None:
    assert host.run(script) == []
    found, text = host.error()
    assert found == code
    assert reason in text
    assert host.run("print('still here')") == ["still here"]


def test_a_defect_of_the_simulation_is_told_and_hands_no_exception_to_scripts(
    host: Host,
) -> None:
    assert host.run("print(pcall(thing.divide))") == ["true\tnil"]
    code, text = host.error()
    assert code == -286
    assert "defect in the simulation, ZeroDivisionError: division by zero" in text


def test_a_refused_call_gives_nil_and_the_script_goes_on(host: Host) -> None:
    assert host.run("print(thing.refuse()) print('next')") == ["nil", "next"]
    assert host.error() == (1115, "Parameter error, no reason")


@pytest.mark.parametrize(
    "name",
    ["python", "os", "io", "debug", "require", "package", "module", "load", "loadfile",
     "dofile", "newproxy", "getfenv", "setfenv", "coroutine", "string.dump"],
)  # fmt: skip
def test_what_leads_out_of_lua_is_not_there(host: Host, name: str) -> None:
    assert host.run(f"print({name})") == ["nil"]


def test_a_script_holds_no_object_of_python(host: Host) -> None:
    kinds = host.run("print(type(thing.take), type(thing), getmetatable(thing))")
    assert kinds == ["function\ttable\tfalse"]
    host.run("thing.take(thing) thing.take(print) thing.take({})")
    assert host.taken == ["<table>", "<function>", "<table>"]
    assert host.run("print(getmetatable(''))") == ["false"]


@pytest.mark.parametrize(
    "script",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        "xpcall(function() error('x') end, function() while true do end end)",
        "local function f() return f() end f()",
        "setmetatable(_G, {__index = function() while true do end end}) print(nothing)",
        "local t = setmetatable({}, {__tostring = function() while true do end end}) print(t)",
        "t = {2, 1, 3} while true do table.sort(t, function(a, b) return a < b end) end",
        "for i = 1, 1e9 do end",
        "loadstring('while true do end')()",
    ],
)
def test_what_never_ends_is_ended(host: Host, script: str) -> None:
    assert host.run(script) == []
    assert host.error() == (-286, "TSP Runtime Error, instruction limit reached")
    assert host.run("print(1)") == ["1.000000000e+00"]


@pytest.mark.parametrize(
    "script",
    [
        "x = string.rep('a', 1e9)",
        "local s = 'a' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local a = string.rep('x', 15e6) local b = a..a..a..a..a..a..a..a..a..a..a..a..a..a",
        "x = {} local i = 0 while true do i = i + 1 x[i] = string.rep('a', 1e6) .. i end",
    ],
)
def test_memory_has_an_end(host: Host, script: str) -> None:
    host.run(script)
    code, text = host.error()
    assert code == -286
    assert "not enough memory" in text
    assert host.run("print(slot[2].rows.matrix)") == ["6.000000000e+00"]


def test_memory_that_is_kept_switches_the_lua_off_and_on(host: Host) -> None:
    host.run("mine = 1")
    host.run("x = {} local i = 0 while true do i = i + 1 x[i] = string.rep('a', 1e6) .. i end")
    assert host.error()[0] == -286
    assert host.run("print(mine, x, type(thing.take))") == ["nil\tnil\tfunction"]


def test_memory_that_is_nearly_full_does_not_silence_the_instrument(host: Host) -> None:
    host.run("t = {} for i = 1, 1e9 do t[i] = {} end")
    assert "not enough memory" in host.error()[1]
    assert host.run("print('still here')") == ["still here"]


def test_deep_recursion_is_an_error(host: Host) -> None:
    host.run("local function f() return 1 + f() end f()")
    assert "stack overflow" in host.error()[1]
    host.run("return " + "(" * 5000 + "1" + ")" * 5000)
    assert host.error()[0] == -285


@pytest.mark.parametrize(
    "script",
    [
        "string.find(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40))",
        "string.gsub(string.rep('a', 5000), '.-.-.-b', '')",
        "string.match(string.rep('(', 1e5), string.rep('.*', 100))",
        "string.find(string.rep('(', 1e6), '%b()')",  # each start scans to the end
        "string.find('[]' .. string.rep('a', 3000), '%b[].*.*.*.*]')",  # no set, four loops
        "string.match(string.rep('a', 5000), '^(.-).-%1b')",
        "string.gmatch(string.rep('^', 5000), '^.-.-b')()",  # gmatch knows no anchor
    ],
)
def test_patterns_that_backtrack_for_ever_are_refused(host: Host, script: str) -> None:
    host.run(script)
    assert "pattern too complex" in host.error()[1]


def test_sets_and_escapes_in_patterns_repeat_nothing(host: Host) -> None:
    host.run("s = string.rep('a-b,', 5000)")
    assert host.run("print(select(2, string.gsub(s, '[*+?-]', '')))") == ["5.000000000e+03"]
    assert host.run("print(select(2, string.gsub(s, '%-', '')))") == ["5.000000000e+03"]
    assert host.run("print(string.find('a]b', '[]]'))") == ["2.000000000e+00\t2.000000000e+00"]
    assert host.run("print(string.find('f(a(b))', '%b()'))")[0].startswith("2.0")
    assert len(host.errors) == 0


@pytest.mark.parametrize(
    "call",
    ["sort(t)", "sort(t, rawequal)", "insert(t, 1, 0)", "remove(t, 1)"],
)
def test_a_length_that_is_a_fiction_is_refused(host: Host, call: str) -> None:
    host.run("t = {1, 1, 1, 1} for k = 27, 0, -1 do t[5 * 2^k] = 1 end")
    assert host.run("print(#t > 1e8)") == ["true"]
    host.run(f"table.{call}")
    assert "table too long" in host.error()[1]


def test_sorting_counts_as_instructions(host: Host) -> None:
    host.run("t = {} for i = 1, 3e5 do t[i] = i * 7919 % 300007 end table.sort(t)")
    assert "instruction limit reached" in host.error()[1]
    assert host.run("table.foreachi({4, 5}, function(i, v) print(v) end)")[0].startswith("4")
    host.run("function over(i, v) if v > 4 then return i end end")
    assert host.run("print(table.foreachi({4, 5}, over))") == ["2.000000000e+00"]


def test_plain_search_of_a_long_text_in_a_long_text_is_refused(host: Host) -> None:
    host.run("string.find(string.rep('a', 6e6), string.rep('a', 3e6) .. 'b', 1, true)")
    assert "text too long" in host.error()[1]


def test_scripts_that_compile_slowly_are_too_long(host: Host) -> None:
    slow = "while 1 do " + "do break end " * 80_000 + "end"
    host.run(slow)
    assert host.error() == (-363, "Input buffer overrun")
    host.run("s = 'while 1 do ' .. string.rep('do break end ', 8e4) .. 'end'")
    assert host.run("print(loadstring(s))") == ["nil\tscript too long"]


def test_a_long_pattern_would_be_deep_recursion(host: Host) -> None:
    host.run("string.find('', string.rep('a?', 1e6))")
    assert "pattern too long" in host.error()[1]


def test_calls_that_are_slow_in_themselves_meet_the_time_limit() -> None:
    host = Host(max_seconds=0.2)
    host.run("local a = string.rep('x', 4e6) while true do local b = a .. a end")
    assert host.error() == (-286, "TSP Runtime Error, time limit reached")
    assert host.run("print(string.rep('', 1e18))") == [""]


def test_a_limit_may_be_met_at_any_instruction() -> None:
    errors = ErrorQueue()
    sandbox = TspSandbox(errors, print, lambda: 9, max_steps=99)
    found = set()
    for length in range(10, 60):  # also between the end of the script and our own code
        sandbox.run("x = 1 " * length)
        found.add(errors.next()[:2])
    limit = "instruction limit reached"
    assert {code for code, _ in found} == {0, -286}
    assert all(limit in text for code, text in found if code)


def test_a_message_has_a_longest_length(host: Host) -> None:
    host.run("x = '" + "a" * (1 << 18) + "'")
    assert host.error() == (-363, "Input buffer overrun")


def test_the_queue_keeps_the_oldest_and_says_that_it_overflowed(host: Host) -> None:
    host.run("for i = 1, 100 do thing.refuse('n' .. i) end")
    entries = [host.errors.next() for _ in range(len(host.errors))]
    assert entries[0] == (1115, "Parameter error, n1", 20, 1)
    assert entries[-1][:2] == (-350, "Queue overflow")
    assert host.errors.next() == (0, "Queue Is Empty", 0, 0)


def make() -> SimulatedKeithley3706A:
    clock = VirtualClock()
    wiring = Wiring(clock)
    device = LixCoO2.draw(1)
    wiring.ground(device, "bottom")
    paths = {"1101": ("smu", device, "top"), "1501": ("dmm", device, "top")}
    return SimulatedKeithley3706A(wiring, clock, {1: "3730", 3: "3720"}, paths)


def ask(instrument: SimulatedKeithley3706A, message: str) -> str:
    instrument.clear()
    instrument.write(message.encode() + b"\n")
    return instrument.read(1 << 20)[0].decode().strip()


INSTRUMENT = make()
"""One for all examples: what they leave behind must not matter either."""

_VALUE = st.one_of(
    st.sampled_from(
        ["'1101'", "'1101:1116'", "'allslots'", "'slot1'", "'1911'", "'3001;3002'", "''",
         "'1101,,'", "'9999'", "nil", "true", "{}", "print", "1/0", "0/0", "-1", "1e300",
         "dmm.makebuffer(3)", "'twowireohms'", "'dcvolts'", "channel", "string.rep('1', 9e3)"]
    ),
    st.integers(-3, 20).map(str),
    st.text(max_size=8).map(repr),
)  # fmt: skip
_FUNCTION = st.sampled_from(
    [f"channel.{name}" for name in
     ("close", "open", "exclusiveclose", "exclusiveslotclose", "getclose", "getstate", "reset",
      "getcount", "getimage", "setforbidden", "getforbidden", "clearforbidden", "setdelay",
      "getdelay", "setbackplane", "getbackplane", "setpole", "getpole", "setlabel", "getlabel",
      "pattern.setimage", "pattern.getimage", "pattern.snapshot", "pattern.delete")]
    + [f"dmm.{name}" for name in
       ("close", "open", "measure", "makebuffer", "setconfig", "getconfig", "configure.set",
        "configure.recall", "configure.delete", "rel.acquire", "reset")]
    + ["scan.create", "scan.add", "scan.execute", "scan.background", "scan.state", "scan.list",
       "printbuffer", "printnumber", "setup.save", "setup.recall", "delay", "opc", "reset",
       "errorqueue.next", "print", "waitcomplete", "nosuch", "channel.nosuch",
       "script.new", "script.run", "script.delete", "script.restore"]
)  # fmt: skip
_CALL = st.tuples(_FUNCTION, st.lists(_VALUE, max_size=4).map(",".join)).map(
    lambda parts: f"{parts[0]}({parts[1]})"
)
_ASSIGNMENT = st.tuples(
    st.sampled_from(
        ["channel.connectrule", "dmm.func", "dmm.range", "dmm.nplc", "dmm.measurecount",
         "dmm.filter.enable", "dmm.aperture", "scan.scancount", "scan.mode", "gpib.address",
         "format.asciiprecision", "comm.lan.enable", "status.request_enable", "slot[1].idn"]
    ),
    _VALUE,
).map("=".join)  # fmt: skip
_MESSAGE = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(str.encode),
    st.from_regex(r"\*[A-Z]{2,4}\?? ?[0-9]{0,4}", fullmatch=True).map(str.encode),
    st.lists(st.one_of(_CALL, _ASSIGNMENT, _CALL.map("x = {}".format)), max_size=5)
    .map(" ".join)
    .map(lambda text: text.encode("utf-8", "replace")),
    st.lists(
        st.one_of(st.sampled_from(["loadscript", "loadandrunscript x", "endscript"]), _CALL)
    )
    .map("\n".join)
    .map(str.encode),
)


def check_calm(message: bytes) -> None:
    INSTRUMENT.write(message)
    INSTRUMENT.status_byte()
    INSTRUMENT.clear()  # also of half a script
    INSTRUMENT.write(b"reset() scan.create('')")
    assert ask(INSTRUMENT, "*IDN?").startswith("KEITHLEY INSTRUMENTS INC.,MODEL 3706A")


@settings(max_examples=300, deadline=None)
@given(_MESSAGE)
def test_nothing_a_client_sends_raises_or_silences_the_instrument(message: bytes) -> None:
    check_calm(message)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(_MESSAGE)
def test_nothing_a_client_sends_raises_or_silences_it_long(message: bytes) -> None:
    check_calm(message)


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[b-z]q[a-z]{1,5}\.[a-z]{1,5}\([0-9]{0,3}\)", fullmatch=True))
def test_an_unknown_name_is_queued_and_nothing_is_answered(message: str) -> None:
    instrument = INSTRUMENT
    instrument.write(b"*CLS")
    assert ask(instrument, message) == ""
    assert ask(instrument, "print(errorqueue.next())").startswith("-2.860000000e+02\t")
    assert ask(instrument, "print(errorqueue.count)") == "0.000000000e+00"
