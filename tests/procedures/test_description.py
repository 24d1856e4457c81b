"""What a procedure says of itself, for tables and forms."""

from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, Parameter

from labsyn.procedures.base import BenchProcedure
from labsyn.procedures.catalogue import BUILT_IN
from labsyn.procedures.description import parameters_of, summary_of


class Told(BenchProcedure):
    """Do `n` things.  And say
    so. Twice.

    Not this.
    """

    free = FloatParameter("Free", units="V", default=0.0)
    least = FloatParameter("Least", units="s", default=1.0, minimum=0)
    most = IntegerParameter("Most", default=1, maximum=7, description="the most of all")
    between = FloatParameter("Between", default=1.0, minimum=0, maximum=2)
    yes = BooleanParameter("Yes", default=True)
    text = Parameter("Text", default="x")


def test_rows_say_what_is_allowed() -> None:
    rows = {each.name: each.row()[1:] for each in parameters_of(Told)}
    assert rows["free"] == ["0.0 V", "within the limits of the bench", "Free"]
    assert rows["least"] == ["1.0 s", "at least 0 s", "Least"]
    assert rows["most"] == ["1", "at most 7", "the most of all"]
    assert rows["between"] == ["1.0", "0 to 2", "Between"]
    assert rows["yes"] == ["True", "true, false", "Yes"]
    assert rows["text"] == ["x", "any", "Text"]
    assert summary_of(Told) == "Do n things."


def test_a_procedure_does_not_say_what_it_derives_from_says() -> None:
    class Silent(Told):
        n = IntegerParameter("n", default=1)

    assert summary_of(Silent) == "It has no docstring that would say what it does."


def test_every_procedure_says_something_in_one_sentence() -> None:
    for kind in BUILT_IN:
        assert kind.__doc__, kind
        summary = summary_of(kind)
        assert summary.endswith(".")
        assert 20 < len(summary) <= 140, kind
        for parameter in parameters_of(kind):
            assert parameter.meaning, (kind, parameter.name)
