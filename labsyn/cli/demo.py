"""``labsyn demo``: the whole chain on a simulated device, in less than a minute."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.console import Steps, print_table, progress, writable_folder

if TYPE_CHECKING:
    from labsyn.analysis.characterise import Characterisation
    from labsyn.data.run import Run
    from labsyn.networks.ann_experiment import AnnResult
    from labsyn.networks.cann_experiment import CannResult
    from labsyn.networks.hopfield_experiment import HopfieldResult

N_IMAGES = 20


@dataclass(frozen=True)
class _Networks:
    ann: "AnnResult | None"
    hopfield: "HopfieldResult"
    cann: "CannResult"
    note: str

    def rows(self, *, short: bool = False) -> list[list[str]]:
        from labsyn.report.networks import ann_rows, cann_rows, hopfield_rows

        ann = ann_rows(self.ann) if self.ann else [["MLP", "–", self.note, "–"]]
        return [*ann, *hopfield_rows(self.hopfield, hardest=short), *cann_rows(self.cann)]

    def to_dict(self) -> dict[str, Any]:
        return {
            "ann": self.ann.to_dict() if self.ann else None,
            "hopfield": self.hopfield.to_dict(),
            "cann": self.cann.to_dict(),
        }


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the results.")] = Path(
        "demo"
    ),
    device: Annotated[str, typer.Option(help="Simulated device.")] = "lixcoo2",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the device and of the networks.")
    ] = 0,
) -> None:
    """Run the chain: simulated bench, run file, fits, three networks, report."""
    from labsyn.analysis.characterise import characterise
    from labsyn.data.durability import write_text

    folder = writable_folder(out)
    with progress() as bars:
        steps = Steps(bars)
        steps.start("pulse train on a simulated B1500A")
        run = _measure(device, seed, folder, steps)
        steps.start("fits")
        result = characterise(run)
        fit_path = result.save(run.path.with_suffix(".fit.json"))
        networks = _simulate(result, seed, steps)
        steps.start("figures and report")
        figures = _figures(result, networks, folder)
        page = _page(run, result, networks, figures, folder)
        steps.done()
    results = folder / "results.json"
    plain = {"fit": result.to_dict(), "networks": networks.to_dict(), "truth": _truth(run)}
    write_text(results, json.dumps(plain, indent=1))
    _print(result, networks, run)
    for what, path in (("run", run.path), ("fit", fit_path), ("numbers", results),
                       ("figures", folder / "figures"), ("report", page)):  # fmt: skip
        typer.echo(f"{what:>8}: {path}")


def _measure(device: str, seed: int, folder: Path, steps: Steps) -> "Run":
    from labsyn.drivers.bench import Bench
    from labsyn.procedures.pulse_train import PulseTrain
    from labsyn.procedures.runner import measure

    with Bench.simulated(device, seed=seed) as bench:
        return measure(PulseTrain(), bench, folder / "runs", on_progress=steps.update)


def _simulate(result: "Characterisation", seed: int, steps: Steps) -> _Networks:
    from labsyn.cli.simulate import ann_defaults
    from labsyn.data.datasets import dataset, natural_patterns
    from labsyn.data.errors import ModelError
    from labsyn.data.natural_images import image_source
    from labsyn.networks.ann_experiment import ann_experiment
    from labsyn.networks.cann_experiment import cann_experiment
    from labsyn.networks.hopfield_experiment import hopfield_experiment

    synapse = result.synapse()

    def update(done: int, total: int) -> None:
        steps.update(100 * done / total)

    images = dataset("auto")
    steps.start(f"MLP, {images.name.split(' (')[0]}")
    hidden, epochs = ann_defaults(images.n_pixels)
    ann, note = None, ""
    try:
        ann = ann_experiment(
            synapse, images, hidden=hidden, epochs=min(epochs, 40), seed=seed, progress=update
        )
    except ModelError as error:  # PyTorch is an extra; the rest of the chain needs none
        note = str(error)
    steps.start(f"Hopfield memory, {N_IMAGES} images")
    hopfield = hopfield_experiment(
        synapse, natural_patterns(N_IMAGES), seed=seed, source=image_source(), progress=update
    )
    steps.start("continuous attractor")
    return _Networks(ann, hopfield, cann_experiment(synapse, seed=seed, progress=update), note)


def _figures(
    result: "Characterisation", networks: _Networks, folder: Path
) -> list[tuple[Path, str]]:
    from labsyn.report.curves import curves_figure, updates_figure
    from labsyn.report.networks import ann_figure, cann_figure, hopfield_figure
    from labsyn.report.style import save

    drawn = {
        "curves": (curves_figure(result, "simulated"), "Potentiation and depression with fits"),
        "updates": (updates_figure(result, "simulated"), "Weight updates ΔG against G"),
        "hopfield": (hopfield_figure(networks.hopfield), "Recall of an associative memory"),
        "cann": (cann_figure(result.synapse(), networks.cann), "Drift of a working memory"),
    }
    if networks.ann is not None:
        drawn["ann"] = (ann_figure(networks.ann), "Accuracy after weight transfer")
    target = writable_folder(folder / "figures")
    return [
        (save(figure, target / name)[0], caption) for name, (figure, caption) in drawn.items()
    ]


def _page(
    run: "Run",
    result: "Characterisation",
    networks: _Networks,
    figures: list[tuple[Path, str]],
    folder: Path,
) -> Path:
    from labsyn.report.networks import HEADS as NETWORK_HEADS
    from labsyn.report.page import Section, Table, write_page
    from labsyn.report.tables import HEADS, device_rows, verdict_rows

    provenance = [
        ["run file", run.path.name],
        ["SHA-256", run.sha256()],
        ["status", run.status],
        ["rows", str(run.n_rows)],
        ["started", str(run.start_time)],
        *[
            [key, f"{value} {run.parameter_units.get(key, '')}"]
            for key, value in run.parameters.items()
        ],
    ]
    device_figures, network_figures = figures[:2], figures[2:]
    return write_page(
        folder / "report.html",
        "labsyn demo: from pulses to network accuracy",
        "Simulated data: a device model answered through a simulated instrument.",
        [
            Section("Networks", table=Table(NETWORK_HEADS, networks.rows()),
                    figures=network_figures),
            Section("Device", " ".join(result.notes), Table(HEADS, device_rows(result)),
                    device_figures),
            Section("Which law describes the curve",
                    table=Table(["branch", "law", "verdict"], verdict_rows(result))),
            Section("What the simulated device was made with",
                    table=Table(["parameter", "value"],
                                [[k, f"{v:.6g}"] for k, v in _truth(run).items()])),
            Section("Run", table=Table(["what", "value"], provenance)),
        ],
    )  # fmt: skip


def _truth(run: "Run") -> dict[str, float]:
    """Return the numbers that the simulated device was made with."""
    truth = run.metadata.get("device_truth", {})
    return {key: value for key, value in truth.items() if isinstance(value, int | float)}


def _print(result: "Characterisation", networks: _Networks, run: "Run") -> None:
    from labsyn.report.tables import HEADS, device_rows, verdict_rows

    rows = device_rows(result)
    rows += [
        [f"{branch}: {law}", verdict, "", ""] for branch, law, verdict in verdict_rows(result)
    ]
    rows += [[f"{row[0]}: {row[1]}", row[2], row[3], ""] for row in networks.rows(short=True)]
    print_table("from pulses to network accuracy (simulated device)", HEADS, rows)
    truth = _truth(run)
    typer.echo(f"the simulated device has β_P = {truth['beta_p']:.4g}, "
               f"β_D = {truth['beta_d']:.4g}")  # fmt: skip
    for note in result.notes:
        typer.echo(f"note: {note}")
