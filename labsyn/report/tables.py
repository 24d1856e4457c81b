"""The numbers of a result as rows of text: one table for the terminal, the page and tests."""

import math

from labsyn.analysis.branch import BranchFit
from labsyn.analysis.characterise import Characterisation
from labsyn.analysis.estimate import Estimate
from labsyn.data.units import format_quantity

HEADS = ["quantity", "value", "95 % interval", "uncertainty from"]


def device_rows(result: Characterisation) -> list[list[str]]:
    """Return the metrics of a device, each with its interval and where that comes from."""
    rows = [row for b in (result.potentiation, result.depression) for row in _branch_rows(b)]
    rows += [
        _row("symmetric error", result.symmetric_error),
        _row("symmetricity (1 / symmetric error)", result.symmetricity),
        _row("asymmetric ratio AR (mirrored)", result.asymmetric_ratio),
        _row("asymmetric ratio AR (as printed)", result.asymmetric_ratio_printed),
    ]
    if result.on_off_ratio is not None:
        rows.append(_row("dynamic range G_max / G_min", result.on_off_ratio))
    rows += [_row("G_min", result.g_min), _row("G_max", result.g_max)]
    for branch in (result.potentiation, result.depression):
        noise = branch.updates
        span = branch.exponential.g_range
        rows += [
            _row(
                f"{branch.name}: σ cycle to cycle (% of range)", _percent(noise.sigma_c2c, span)
            ),
            _row(f"{branch.name}: σ read (% of range)", _percent(noise.sigma_read, span)),
        ]
    return rows


def verdict_rows(result: Characterisation) -> list[list[str]]:
    """Return, for each branch and law, whether it describes the curve."""
    rows = []
    for branch in (result.potentiation, result.depression):
        rows.append([branch.name, "exponential (β)", branch.shape.verdict])
        if branch.power_shape is not None:
            rows.append([branch.name, "power (α)", branch.power_shape.verdict])
        else:
            rows.append([branch.name, "power (α)", f"not fitted: {branch.power_refused}"])
        rows.append([branch.name, "used for networks", branch.family()])
    return rows


def _branch_rows(branch: BranchFit) -> list[list[str]]:
    name = branch.name
    rows = [_row(f"{name}: β (recursion, free ends)", branch.exponential.beta)]
    if branch.constrained is not None:
        rows.append(_row(f"{name}: β (recursion, ends held)", branch.constrained.beta))
    if branch.continuous is not None:
        rows.append(_row(f"{name}: β (continuous time)", branch.continuous.beta))
    if branch.power is not None:
        rows.append(_row(f"{name}: α (power law)", branch.power.alpha))
    return rows


def _row(name: str, estimate: Estimate) -> list[str]:
    low, high = estimate.interval
    known = math.isfinite(estimate.standard_error)
    if name.split(":")[-1].strip().startswith("σ"):
        low = max(low, 0.0)  # a standard deviation is not negative
    return [
        name,
        _number(estimate.value, estimate.unit),
        f"{_number(low, estimate.unit)} … {_number(high, estimate.unit)}" if known else "–",
        estimate.source,
    ]


def _number(value: float, unit: str) -> str:
    if unit:
        return format_quantity(value, unit)
    return "∞" if math.isinf(value) else f"{value:.4g}"


def _percent(sigma: Estimate, span: float) -> Estimate:
    scale = 100 / span
    return Estimate(
        scale * sigma.value, scale * sigma.standard_error, sigma.dof, "", sigma.source
    )
