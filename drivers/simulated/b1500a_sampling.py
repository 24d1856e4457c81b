"""Sampling measurement of a simulated B1500A (MM 10): readings at set times."""

from labsyn.drivers.simulated.b1500a_reading import measure, measure_together, missing
from labsyn.drivers.simulated.b1500a_settings import Sampling, SamplingSource
from labsyn.drivers.simulated.b1500a_smu import Smu
from labsyn.drivers.simulated.b1500a_state import Mainframe
from labsyn.drivers.simulated.flex import BAD_PARAMETER, FlexError
from labsyn.drivers.simulated.flex_binary import SHORT_FORMATS
from labsyn.drivers.simulated.flex_data import Item

FAST = 2e-3  # below this interval all channels measure together, with short readings
_PER_DECADE = {2: 10, 3: 25, 4: 50, 5: 100, 6: 250, 7: 5000}
_OVERHEAD = 2e-5  # of each further channel, page on MT


def sampling_indices(number: int, law: int) -> list[int]:
    """Return the sampling points in units of the interval, from 1.

    Logarithmic laws take the nearest multiples, each once (unverified).
    """
    if law == 1:
        return list(range(1, number + 1))
    indices: list[int] = []
    k = 0
    while len(indices) < number:
        index = round(10 ** (k / _PER_DECADE[law]))
        if not indices or index > indices[-1]:
            indices.append(index)
        k += 1
    return indices


def sample(frame: Mainframe, smus: list[Smu]) -> list[Item]:
    """MM 10: base, bias, then a reading at every sampling point.

    The first point is at the bias hold time after the bias. A point that is over before
    the reading of the last one is done is left out, and the index says so.
    """
    settings = frame.settings
    sampling = settings.sampling
    _check(frame, smus, sampling)
    sources = [
        (source, frame.active_smu(source.channel)) for source in sampling.sources.values()
    ]
    _force(sources, bias=False)
    frame.pass_time(sampling.base_hold)
    items: list[Item] = []
    aborted = False
    zero = frame.clock.now() + max(sampling.bias_hold, 0.0)
    bias_at = frame.clock.now() + max(-sampling.bias_hold, 0.0)
    biased = False
    for index in sampling_indices(sampling.number, sampling.law):
        due = zero + (index - 1) * sampling.interval
        if not biased and bias_at <= due:
            frame.pass_time(bias_at - frame.clock.now())
            _force(sources, bias=True)
            biased = True
        if aborted:
            found = missing(frame, smus)
        elif frame.clock.now() > due + 1e-9:
            continue
        else:
            frame.pass_time(due - frame.clock.now())
            found = _read(frame, smus, sampling.interval)
            aborted = sampling.abort == 2 and any(item.failed for item in found)
        if settings.data_mode:
            items.append(Item(channel=0, kind="X", value=float(index)))
        items += found
    _finish(sources, sampling, aborted=aborted)
    return items


def _check(frame: Mainframe, smus: list[Smu], sampling: Sampling) -> None:
    """Raise FlexError 120 for what this measurement cannot do."""
    fast = sampling.interval < FAST
    too_fast = sampling.interval < 1e-4 + _OVERHEAD * (len(smus) - 1) - 1e-12
    if frame.settings.data_format in SHORT_FORMATS or (
        fast and (too_fast or sampling.law != 1 or any(smu.adc == 1 for smu in smus))
    ):
        raise FlexError(BAD_PARAMETER)
    decades = _PER_DECADE.get(sampling.law, 0) * 11
    most = 1 + decades if decades else 100_001 // len(smus)
    if sampling.number > most:
        raise FlexError(BAD_PARAMETER)


def _read(frame: Mainframe, smus: list[Smu], interval: float) -> list[Item]:
    """Return one point; a short interval cuts the integration to what fits."""
    if interval >= FAST:
        return measure(frame, smus)
    longest = interval - _OVERHEAD
    seconds = {smu.slot: min(frame.integration_time(smu), longest) for smu in smus}
    found = measure_together(frame, smus, seconds, still=True)
    return [item for smu in smus for item in found[smu.slot]]


def _force(sources: list[tuple[SamplingSource, Smu]], *, bias: bool) -> None:
    """Force bias or base of all sources at once, in a range that covers both."""
    outputs = []
    for source, smu in sources:
        covering = max(source.base, source.bias, key=abs)
        ranged = smu.prepared(source.forces_current, source.range_code, covering, source.limit)
        value = source.bias if bias else source.base
        outputs.append(
            smu.prepared(source.forces_current, ranged.range_code, value, source.limit)
        )
    for (_, smu), output in zip(sources, outputs, strict=True):
        smu.apply(output)


def _finish(
    sources: list[tuple[SamplingSource, Smu]], sampling: Sampling, *, aborted: bool
) -> None:
    """Force what MSC, or MSP for its channels, names; the base after an abort."""
    for source, smu in sources:
        post, base = sampling.after.get(source.channel, (None, None))
        if aborted:
            smu.force(source.base if base is None else base)
        elif post is not None:
            smu.force(post)
        else:
            smu.force(source.base if sampling.post == 1 else source.bias)
