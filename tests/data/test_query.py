import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labsyn.data.catalogue_entry import Entry
from labsyn.data.errors import ConfigError, QueryError
from labsyn.data.fit_metrics import Metric
from labsyn.data.query.language import MAX_DEPTH, Comparison, Junction, Negation, parse_query
from labsyn.data.query.matching import compile_query
from labsyn.data.query.names import Names

RUN = Entry(
    file="W1/a.h5",
    status="finished",
    procedure="pulse_train",
    device="LiXCoO2",
    started="2026-11-03T09:30:15.5+01:00",
    duration=12.5,
    n_rows=181,
    simulated=True,
    parameters={
        "pulse_width": 5e-3, "n_pulses": 30, "on_compliance": "record", "hold": True,
        "voltages": [1, 2], "huge": 10**400, "nothing": None,
    },
    parameter_units={"pulse_width": "s"},
    sample={
        "wafer": "W1", "temperature": "295 K", "position": 4, "x": "7",
        "top electrode": "Größe",
    },
    tags=("good", "for_Anna"),
    note="Leaky contact",
    fit={
        "beta_P": Metric(2.5, 0.1, ""),
        "g_min": Metric(9e-6, None, "S"),
    },
)  # fmt: skip


def matches(query: str, *entries: Entry) -> list[bool]:
    entries = entries or (RUN,)
    test = compile_query(query, parse_query(query), Names.of(entries))
    return [test(entry) for entry in entries]


@pytest.mark.parametrize(
    "query",
    [
        "beta_P > 2 and device = lixcoo2",
        "beta_P = 2.5",
        "fit.beta_P == 2.50e0",
        "pulse_width < 10 ms",
        "pulse_width=5ms",
        "pulse_width <= '5 ms'",
        "pulse_width > 4999 us and pulse_width < 5001µs",
        "parameter.pulse_width = 0.005",
        "g_min < 10 uS",
        "n_rows != 180 and n_rows >= 181",
        "duration < 1 min",
        "procedure ~ PULSE",
        "device = 'LIXCOO2'",
        "wafer = w1 AND NOT wafer = W2",
        "sample.wafer = W1",
        "wafer != W2",
        "temperature > 290 K and temperature < 300",
        "temperature = '21.85 degC'",
        "x < 8",
        "position = 4",
        '"top electrode" = GRÖSSE',
        '"top electrode" = "Gro\u0308ße"',  # ö as two characters, as macOS stores names
        "on_compliance = record",
        "on_compliance != abort",
        "hold = yes and hold != no",
        "voltages ~ '1, 2'",
        "huge > 1e300",
        "tag = good and tag != bad and tag ~ anna",
        "tag",
        "note ~ leak",
        "simulated and simulated = true and not simulated = no",
        "fitted",
        "status = finished or nothing = 3",
        "started = 2026",
        "started = 2026-11",
        "date = 2026-11-03",
        "started = 2026-11-03T09:30",
        "started = '2026-11-03 09:30:15'",
        "started > 2026-11-02 and started >= 2026-11-03 and started <= 2026-11-03",
        "started < 2026-11-04 and started != 2026-11-04",
        "not not (((tag)))",
        "name ~ W1/",
    ],
)
def test_what_describes_the_run(query: str) -> None:
    assert matches(query) == [True]
    assert matches(f"not ({query})") == [False]


@pytest.mark.parametrize(
    "query",
    [
        "beta_P < 2",
        "beta_D > 0",
        "beta_D != 0",  # it has none
        "nothing = 3",
        "nothing",
        "started > 2026-11-03",  # that day is over only on the next
        "started < 2026-11-03",
        "ended = 2026",
        "ended",
        "operator != somebody",
        "on_compliance = 3",
        "wafer < 3",
        "hold = 1",
        "hold = no",
        "tag = goo",
        "problem",
        "seed",
        "voltages = 1",
    ],
)
def test_what_does_not(query: str) -> None:
    assert matches(query) == [False]


def test_a_temperature_of_the_sample_is_in_kelvin() -> None:
    warm = replace(RUN, sample={"temperature": 323.15})
    text = replace(RUN, sample={"temperature": "295 K"})
    assert matches("temperature = '50 °C'", warm, text) == [True, False]
    assert matches("sample.temperature < 30 degC", warm, text) == [False, True]
    assert matches("temperature > 300", warm, text) == [True, False]
    with pytest.raises(QueryError, match="'3 V' is no number to compare temperature with"):
        matches("temperature > '3 V'", warm)


def test_and_binds_closer_than_or() -> None:
    tree = parse_query("a or b and not c")
    assert isinstance(tree, Junction)
    assert (tree.word, len(tree.parts)) == ("or", 2)
    second = tree.parts[1]
    assert isinstance(second, Junction)
    assert second.word == "and"
    assert isinstance(second.parts[1], Negation)
    assert isinstance(tree.parts[0], Comparison)


def test_nan_is_no_value_and_infinity_is_one() -> None:
    values = (float("nan"), float("inf"), 1.0)
    entries = [Entry(file=f"{v}.h5", fit={"symmetricity": Metric(v, None, "")}) for v in values]
    assert matches("symmetricity != 1", *entries) == [False, True, False]
    assert matches("symmetricity > 1e300", *entries) == [False, True, False]
    assert matches("symmetricity", *entries) == [False, True, True]


def test_a_parameter_goes_before_a_sample_field_of_its_name() -> None:
    both = Entry(file="a.h5", parameters={"t": 1}, sample={"t": 2})
    field = Entry(file="b.h5", sample={"t": 2})
    assert matches("t = 2", both, field) == [False, True]
    assert matches("sample.t = 2", both, field) == [True, True]
    assert matches("parameter.t", both, field) == [True, False]


def test_each_run_has_its_own_unit() -> None:
    in_s = replace(RUN, parameters={"w": 2.0}, parameter_units={"w": "s"})
    in_ms = replace(RUN, parameters={"w": 2.0}, parameter_units={"w": "ms"})
    in_volt = replace(RUN, parameters={"w": 2.0}, parameter_units={"w": "V"})
    assert matches("w = 2 ms", in_s, in_ms, in_volt) == [False, True, False]


@pytest.mark.parametrize(
    ("query", "message", "place"),
    [
        ("", "ends too early: expected a name, 'not' or '\\('", (0, 1)),
        ("tag = good and", "ends too early: expected a name", (14, 15)),
        ("(tag", "ends too early: expected 'and', 'or' or '\\)'", (4, 5)),
        ("beta_P >", "ends too early: expected a value", (8, 9)),
        ("beta_P > and tag", "'and' is not allowed here: expected a value", (9, 12)),
        ("= 3", "'=' is not allowed here: expected a name", (0, 1)),
        ("or tag", "'or' is not allowed here: expected a name", (0, 2)),
        ("tag)", "'\\)' is not allowed here: expected 'and', 'or' or the end", (3, 4)),
        ("note ~ leaky contact", "'contact' is not allowed here.*quote texts", (13, 20)),
        ("(tag tag)", "'tag' is not allowed here: expected 'and', 'or' or '\\)'", (5, 8)),
        ("tag ! good", "'!' is not allowed here; operators are =, !=,", (4, 5)),
        ("tag = 'good", "a quoted text has no end", (6, 11)),
        ("( tag = 'x' ) and betap > 2", "'betap' is neither.*did you mean beta_P", (18, 23)),
        ("'BETA_p' > 2", "'BETA_p' is neither.*did you mean beta_P", (1, 7)),
        ("zzzzzz", "'zzzzzz' is neither.*docs/catalogue.md tells the names", (0, 6)),
        ("fit.pulse_width", "'fit.pulse_width' is neither", (0, 15)),
        ("pulse_width < 10 V", "'10 V' is no number to compare pulse_width with, which is in s",
         (14, 18)),
        ("pulse_width = wide", "'wide' is no number to compare pulse_width with", (14, 18)),
        ("n_rows > many", "'many' is no number to compare n_rows with", (9, 13)),
        ("n_rows > 1e999", "'1e999' is no number", (9, 14)),
        ("pulse_width > '9 s**9**9**9'", "is no number to compare", (14, 28)),
        ("wafer > W2", "'W2' is no number; texts are compared with =, != and ~", (8, 10)),
        ("status > finished", "status is a text: compare it with =, !=, ~, not >", (0, 6)),
        ("tag < x", "tag is tags: compare it with =, !=, ~, not <", (0, 3)),
        ("n_rows ~ 3", "n_rows is a number: compare it with =, !=, <, <=, >, >=", (0, 6)),
        ("started ~ 2026", "started is a date: compare it with", (0, 7)),
        ("simulated > no", "simulated is yes or no: compare it with =, !=", (0, 9)),
        ("simulated = maybe", "'maybe' is neither yes nor no", (12, 17)),
        ("started > yesterday", "'yesterday' is no date; write 2026, 2026-11,", (10, 19)),
        ("started > 2026-13", "'2026-13' is no date", (10, 17)),
        ("started > 2026-00", "'2026-00' is no date", (10, 17)),
        ("started > 2026-02-30", "'2026-02-30' is no date", (10, 20)),
        ("started > 9999-12-31", "'9999-12-31' is no date", (10, 20)),
    ],
)  # fmt: skip
def test_a_refusal_shows_the_place(query: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        matches(query)
    error = caught.value
    assert (error.start, error.end) == place
    sentence, shown, marks = str(error).splitlines()
    assert shown == f"  {query}"
    assert marks == "  " + " " * place[0] + "^" * (place[1] - place[0])
    assert isinstance(error, ConfigError)
    assert error.query == query
    assert sentence


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("not ", "")])
def test_depth_has_an_end(opening: str, closing: str) -> None:
    deep = MAX_DEPTH - 1
    assert isinstance(parse_query(opening * deep + "a" + closing * deep), Comparison | Negation)
    with pytest.raises(QueryError, match="brackets and 'not' go at most 50 deep"):
        parse_query(opening * 100_000 + "a")


def test_a_line_break_does_not_move_the_marks() -> None:
    with pytest.raises(QueryError, match="neither") as caught:
        matches("tag\nand\tzzzz")
    assert str(caught.value).splitlines()[1:] == ["  tag and zzzz", "          ^^^^"]


# Random queries beside a naive evaluation in Python.

DAY = date(2026, 11, 1)
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
small = st.integers(0, 4)
Test = Callable[[dict[str, Any]], bool]


def quote(word: str) -> str:
    return f'"{word}"'


@st.composite
def leaves(draw: st.DrawFn) -> tuple[str, Test]:
    symbol, number = draw(st.sampled_from(sorted(OPERATORS))), draw(small)
    compare, equal = OPERATORS[symbol], draw(st.sampled_from(["=", "!="]))
    word = draw(st.sampled_from(["a", "B", "ab"]))
    same = OPERATORS[equal]
    choices: list[tuple[str, Test]] = [
        (f"n_rows {symbol} {number}", lambda r: compare(r["n_rows"], number)),
        (f"pulse_width {symbol} {number}ms",
         lambda r: r["width"] is not None and compare(r["width"], number)),
        (f"beta_P {symbol} {number}",
         lambda r: r["beta"] is not None and compare(r["beta"], number)),
        (f"started {symbol} {DAY + timedelta(number)}", lambda r: compare(r["day"], number)),
        (f"device {equal} {word}",
         lambda r: r["device"] != "" and same(r["device"].lower(), word.lower())),
        (f"device ~ {quote(word)}",
         lambda r: r["device"] != "" and word.lower() in r["device"].lower()),
        (f"wafer {equal} {word}",
         lambda r: r["wafer"] is not None and same(str(r["wafer"]).lower(), word.lower())),
        (f"tag {equal} {word}",
         lambda r: (word.lower() in [t.lower() for t in r["tags"]]) == (equal == "=")),
        ("simulated", lambda r: r["simulated"]),
        ("beta_P", lambda r: r["beta"] is not None),
        ("tag", lambda r: r["tags"] != []),
    ]  # fmt: skip
    return draw(st.sampled_from(choices))


def joined(word: str) -> Callable[[list[tuple[str, Test]]], tuple[str, Test]]:
    combine = all if word == "and" else any

    def join(parts: list[tuple[str, Test]]) -> tuple[str, Test]:
        text = f" {word} ".join(f"({text})" for text, _ in parts)
        return text, lambda run: combine(test(run) for _, test in parts)

    return join


def negated(part: tuple[str, Test]) -> tuple[str, Test]:
    text, test = part
    return f"not ({text})", lambda run: not test(run)


queries = st.recursive(
    leaves(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(joined("and"))
        | st.lists(inner, min_size=1, max_size=3).map(joined("or"))
        | inner.map(negated)
    ),
    max_leaves=8,
)
runs = st.fixed_dictionaries(
    {
        "n_rows": small,
        "width": st.none() | small,
        "beta": st.none() | small,
        "day": small,
        "device": st.sampled_from(["", "a", "b", "AB"]),
        "wafer": st.none() | st.sampled_from(["a", "b", 3]),
        "tags": st.lists(st.sampled_from(["a", "b"]), unique=True),
        "simulated": st.booleans(),
    }
)


def entry_of(run: dict[str, Any]) -> Entry:
    width, beta, wafer = run["width"], run["beta"], run["wafer"]
    return Entry(
        file="a.h5",
        n_rows=run["n_rows"],
        parameters={} if width is None else {"pulse_width": float(f"{width}e-3")},
        parameter_units={"pulse_width": "s"},
        fit={} if beta is None else {"beta_P": Metric(float(beta), None, "")},
        started=f"{DAY + timedelta(run['day'])}T23:59:59.999999-05:00",
        device=run["device"],
        sample={} if wafer is None else {"wafer": wafer},
        tags=tuple(run["tags"]),
        simulated=run["simulated"],
    )


EVERY = Entry(
    file="x.h5",
    parameters={"pulse_width": 1.0},
    parameter_units={"pulse_width": "s"},
    sample={"wafer": "x"},
)


@settings(deadline=None, max_examples=300)
@given(query=queries, runs=st.lists(runs, max_size=5))
def test_a_query_means_what_python_means(
    query: tuple[str, Test], runs: list[dict[str, Any]]
) -> None:
    text, test = query
    entries = [EVERY, *map(entry_of, runs)]  # its names are always known
    assert matches(text, *entries)[1:] == [test(run) for run in runs]


words = st.sampled_from(
    ["and", "or", "not", "(", ")", "=", "!=", "<", "<=", "~", "'", '"', "beta_P", "pulse_width",
     "wafer", "started", "tag", "simulated", "2026-11", "10", "ms", "5 ms", "1e999", "nan",
     "inf", "W1", "voltages", "huge", "hold", "x", "fit.", "sample.", "1_0", "9 m^9", "%"]
)  # fmt: skip


@settings(deadline=None, max_examples=500)
@given(query=st.lists(words, max_size=12).map(" ".join) | st.text(max_size=30))
@example(query="x = '9**9**9 s'")
@example(query="pulse_width = '1 °C'")
@example(query="wafer = '\ud800'")
def test_no_query_crashes(query: str) -> None:
    try:
        (found,) = matches(query)
    except QueryError as error:
        place = (error.start, error.end)
    else:
        place = (0, 1)
        assert isinstance(found, bool)
    assert 0 <= place[0] < place[1] <= len(query) + 1
