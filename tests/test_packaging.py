"""What is installed is what is in the folders."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "setuptools"
]
FOLDERS = ("analysis", "data", "drivers", "procedures")


def packages_in_folders() -> set[str]:
    found = {"labsyn", "pyvisa_labsyn"}
    for folder in ("labsyn", *FOLDERS):
        prefix = "labsyn" if folder == "labsyn" else f"labsyn.{folder}"
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            if parts and (ROOT / folder / parts[0]).is_symlink():
                continue
            if parts != ("pyvisa_labsyn",):  # installed under its own name
                found.add(".".join((prefix, *parts)))
    return found


def test_every_sub_package_is_listed() -> None:
    assert set(SETUPTOOLS["packages"]) == packages_in_folders()


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_is_mapped_and_linked(folder: str) -> None:
    assert SETUPTOOLS["package-dir"][f"labsyn.{folder}"] == folder
    link = ROOT / "labsyn" / folder
    if not link.is_symlink():
        pytest.skip(
            "this clone has no symbolic links (Windows); nothing needs them at run time"
        )
    assert link.resolve() == (ROOT / folder).resolve()


def test_every_folder_of_python_files_is_a_package() -> None:
    for folder in ("labsyn", *FOLDERS):
        for file in (ROOT / folder).rglob("*.py"):
            assert (file.parent / "__init__.py").is_file(), file.parent


def test_the_starter_benches_are_in_the_wheel() -> None:
    from labsyn.drivers.config import STARTERS

    (pattern,) = SETUPTOOLS["package-data"]["labsyn.drivers"]
    found = {path.stem for path in (ROOT / "drivers").glob(pattern)}
    assert found == set(STARTERS)


def test_importing_labsyn_is_light() -> None:
    import subprocess
    import sys

    heavy = "('numpy', 'scipy', 'torch', 'pymeasure', 'pyvisa', 'h5py', 'matplotlib', 'pandas')"
    code = f"import sys, labsyn.cli.main; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_the_public_names() -> None:
    import labsyn

    for name in labsyn.__all__:
        assert getattr(labsyn, name) is not None
    assert set(dir(labsyn)) == set(labsyn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Benhc'"):
        _ = labsyn.Benhc
