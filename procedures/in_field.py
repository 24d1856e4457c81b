"""What procedures share that put the device in a magnetic field."""

from pymeasure.experiment import FloatParameter

from labsyn.drivers.guard import GuardedField
from labsyn.procedures.base import BenchProcedure


class InField(BenchProcedure):
    """A procedure with a field, which is ramped to zero at the end, whatever happens.

    Fields are those of the gaussmeter. On a bench without one they follow from the current
    of the coil, and an event says so.
    """

    field_slew = FloatParameter(
        "Field slew", units="T/s", default=0.1, minimum=1e-6, maximum=100.0
    )

    field: GuardedField

    def startup(self) -> None:
        super().startup()
        self.field = self.opened_bench().field
        if not self.field.is_measured:
            self.record_event(
                "warning", "no gaussmeter: the field is the current times coil_constant"
            )

    def shutdown(self) -> None:
        """Ramp the field to zero, among all else that makes the bench safe."""
        if self.bench is not None:
            self.bench.make_safe()
