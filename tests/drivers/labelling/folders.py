"""Folders to label, and what is quick enough to fill them."""

from collections.abc import Mapping
from pathlib import Path

import ase.io
from ase import Atoms

from beamheat_fw.campaign import EmtSettings, GpawSettings, SevennSettings
from beamheat_fw.drivers.labelling.driver import label_structures
from beamheat_fw.drivers.labelling.results import LabelResult
from beamheat_fw.drivers.mpi import MpiLauncher


def write_folder(
    folder: Path, structures: Mapping[str, Atoms], settings: GpawSettings | EmtSettings | SevennSettings
) -> Path:
    """Write structures by label id, and settings, as a labelling folder."""
    frames = []
    for label_id, atoms in structures.items():
        frame = atoms.copy()
        frame.info["label_id"] = label_id
        frames.append(frame)
    ase.io.write(folder / "structures.extxyz", frames, format="extxyz")
    (folder / "settings.json").write_text(settings.model_dump_json())
    return folder


def label(
    folder: Path,
    ranks: int = 2,
    most_ranks: int | None = None,
    launcher: MpiLauncher = MpiLauncher(),  # noqa: B008  # frozen
) -> dict[str, LabelResult]:
    """Label a folder; return its results by label id."""
    results = label_structures(
        folder, ranks=ranks, launcher=launcher, stop=lambda: False, most_ranks=most_ranks
    )
    return {result.label_id: result for result in results}


def quick_settings(**changes) -> GpawSettings:
    """Return settings with which a hydrogen molecule takes half a second, or changed ones."""
    quick = {"basis": "sz(dzp)", "h_A": 0.3, "energy_convergence_eV": 1e-3, "density_convergence": 1e-3}
    return GpawSettings(**{**quick, **changes})


def hydrogen(bond_A: float) -> Atoms:
    """Return a molecule of a given bond length (Å) in a small periodic cell."""
    positions = [[1.8, 1.8, 2.0], [1.8, 1.8, 2.0 + bond_A]]
    return Atoms("H2", positions=positions, cell=[3.6, 3.6, 4.8], pbc=True)
