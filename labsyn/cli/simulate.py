"""``labsyn simulate``: networks made of a fitted device."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labsyn.cli.console import Json, one_step, print_json, print_table, writable_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from labsyn.analysis.devices.synapse import Synapse

app = typer.Typer(
    help="Networks made of a fitted device: ann, hopfield, cann.", no_args_is_help=True
)

Device = Annotated[Path, typer.Option(help="A .fit.json of labsyn fit, or a run file (.h5).")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
Repeat = Annotated[int, typer.Option(help="Programmings, each in other devices.")]
Mapping = Annotated[str, typer.Option(help="differential, gmax, minmax or offset.")]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="Folder of the results (default: beside).")
]


@app.command()
def ann(
    device: Device,
    data: Annotated[str, typer.Option(help="auto, mnist or digits.")] = "auto",
    hidden: Annotated[
        str, typer.Option(help="Hidden neurons, for example 300 or 256,128.")
    ] = "",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training images.")
    ] = None,
    repeat: Repeat = 10,
    mapping: Mapping = "differential",
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Accuracy of a perceptron after its weights were written into devices."""
    from labsyn.data.datasets import dataset
    from labsyn.networks.ann_experiment import ann_experiment
    from labsyn.report.networks import ann_figure, ann_rows

    folder = results_folder(out, device)
    synapse = load_device(device)
    images = dataset(data)
    sizes, n_epochs = ann_defaults(images.n_pixels)
    sizes = _sizes(hidden) if hidden else sizes
    with one_step(f"MLP on {images.name}") as update:
        result = ann_experiment(
            synapse, images, hidden=sizes, epochs=epochs or n_epochs, n_repeats=repeat,
            seed=seed, mapping=mapping, progress=update,
        )  # fmt: skip
    _deliver(
        device, "ann", result.to_dict(), ann_rows(result), ann_figure(result), folder, as_json
    )


@app.command()
def hopfield(
    device: Device,
    images: Annotated[int, typer.Option(help="Natural images to store.")] = 20,
    repeat: Repeat = 3,
    mapping: Mapping = "differential",
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Recall of an associative memory (Hebb and Oja) made of devices."""
    from labsyn.data.datasets import natural_patterns
    from labsyn.data.natural_images import image_source
    from labsyn.networks.hopfield_experiment import hopfield_experiment
    from labsyn.report.networks import hopfield_figure, hopfield_rows

    folder = results_folder(out, device)
    synapse = load_device(device)
    with one_step(f"Hopfield memory of {images} images") as update:
        result = hopfield_experiment(
            synapse, natural_patterns(images), n_repeats=repeat, seed=seed, mapping=mapping,
            source=image_source(), progress=update,
        )  # fmt: skip
    _deliver(device, "hopfield", result.to_dict(), hopfield_rows(result),
             hopfield_figure(result), folder, as_json)  # fmt: skip


@app.command()
def cann(
    device: Device,
    runs: Annotated[int, typer.Option(help="Networks under each condition.")] = 200,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Drift of a working memory (continuous attractor) made of devices."""
    from labsyn.networks.cann_experiment import cann_experiment
    from labsyn.report.networks import cann_figure, cann_rows

    folder = results_folder(out, device)
    synapse = load_device(device)
    with one_step("continuous attractor") as update:
        result = cann_experiment(synapse, n_seeds=runs, seed=seed, progress=update)
    _deliver(device, "cann", result.to_dict(), cann_rows(result),
             cann_figure(synapse, result), folder, as_json)  # fmt: skip


def results_folder(out: Path | None, device: Path) -> Path:
    """Return where results go, tried before the work: beside the device, or `out`."""
    return writable_folder(out if out is not None else device.parent)


def load_device(path: Path) -> "Synapse":
    """Return the synapse of a fit, or of a run that is fitted now."""
    from labsyn.analysis.characterise import characterise, load_synapse

    if path.suffix == ".json":
        return load_synapse(path)
    from labsyn.data.run import Run

    return characterise(Run.open(path)).synapse()


def ann_defaults(n_pixels: int) -> tuple[tuple[int, ...], int]:
    """Return hidden layers and epochs that suit the images: MNIST's, or the small digits'."""
    return ((300,), 10) if n_pixels > 100 else ((64,), 40)


def _sizes(text: str) -> tuple[int, ...]:
    from labsyn.data.errors import ConfigError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--hidden {text!r} is no list of numbers such as 256,128") from None


def _deliver(
    device: Path,
    kind: str,
    plain: dict[str, Any],
    rows: list[list[str]],
    figure: "Figure",
    folder: Path,
    as_json: bool,
) -> None:
    from labsyn.data.durability import write_text
    from labsyn.report.networks import HEADS
    from labsyn.report.style import save

    stem = f"{device.name.split('.')[0]}.{kind}"
    target = write_text(folder / f"{stem}.json", json.dumps(plain, indent=1))
    written = [target, *save(figure, folder / stem)]
    if as_json:
        print_json(plain)
        return
    print_table(f"networks made of {device.name}", HEADS, rows)
    for path in written:
        typer.echo(f"written: {path}")
