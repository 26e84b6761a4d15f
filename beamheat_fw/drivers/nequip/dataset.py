"""The labelled structures a member is trained on: checked, split, and their energies' offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.cutouts import core_of, is_whole

if TYPE_CHECKING:
    from ase import Atoms

    from beamheat_fw.campaign import TrainingStage

#: Whole frames, whose energies count: one to train on and one to validate.
_FEWEST_WHOLE = 2
#: Square of an error of 1 meV/Å: no training set asks for less.
_LEAST_LOSS = 1e-6
#: The key of `atoms.info` that names the settings a label was computed with.
SETTINGS_KEY = "settings_hash"


@dataclass(frozen=True)
class Split:
    """A member's own share of the labels.

    Attributes
    ----------
    training, validation : tuple of int
        Indices of frames.
    """

    training: tuple[int, ...]
    validation: tuple[int, ...]


def read_labelled(file: Path) -> list[Atoms]:
    """Read labelled frames and check that a model can be trained on them.

    Parameters
    ----------
    file : Path
        Extended XYZ with ASE's ``energy`` (eV) and ``forces`` (eV/Å).

    Raises
    ------
    InputError
        Names the file, the first frame that cannot be used, and why.
    """
    import ase.io
    from ase.io.extxyz import XYZError

    try:
        frames = list(ase.io.iread(file, index=":", format="extxyz"))
    except FileNotFoundError:
        raise InputError(
            "There are no labelled frames", "Stage the dataset again.", {"file": str(file)}
        ) from None
    except (XYZError, ValueError, KeyError, IndexError) as error:
        raise InputError(
            "The labelled frames cannot be read",
            "Write them with ASE as extended XYZ.",
            {"file": str(file), "reason": " ".join(str(error).split())[:200]},
        ) from None
    if len(frames) < 2:
        raise InputError(
            "Too few labelled frames to train and validate",
            "Give two at the very least, and dozens for a useful model.",
            {"file": str(file), "frames": len(frames)},
        )
    for index, frame in enumerate(frames):
        _check_frame(frame, index, file)
    _check_settings(frames, file)
    if sum(map(is_whole, frames)) < _FEWEST_WHOLE:
        raise InputError(
            "Too few labelled frames are whole: the energy of a cut-out means nothing",
            "Label small systems too, one to train on and one to validate at the very least.",
            {"file": str(file), "frames": len(frames), "whole": sum(map(is_whole, frames))},
        )
    return frames


def species_of(frames: Sequence[Atoms]) -> tuple[str, ...]:
    """Return the chemical symbols in `frames`, by atomic number."""
    from ase.data import chemical_symbols

    numbers = np.unique(np.concatenate([frame.numbers for frame in frames]))
    return tuple(chemical_symbols[number] for number in numbers)


def draw_split(frames: Sequence[Atoms], validation_fraction: float, seed: int) -> Split:
    """Draw a validation set at random, from whole frames first; no element is held back whole.

    Parameters
    ----------
    frames : sequence of Atoms
    validation_fraction : float
        The share to hold back, rounded; at least one frame is.
    seed : int
    """
    whole = np.array([is_whole(frame) for frame in frames])
    # Energies are learnt from whole frames alone: they are held back like an element.
    composition = np.column_stack([_composition(frames, species_of(frames)) > 0, whole])
    wanted = min(max(1, round(validation_fraction * len(frames))), len(frames) - 1)
    left = composition.sum(axis=0)
    validation: list[int] = []
    order = [int(index) for index in np.random.default_rng(seed).permutation(len(frames))]
    order.sort(key=lambda index: not whole[index])
    for index in order:
        if len(validation) < wanted and (left - composition[index] > 0).all():
            validation.append(index)
            left = left - composition[index]
    if not validation:
        # Every frame is the only one with some element: validate on one that is trained on as well.
        return Split(tuple(order), (order[0],))
    return Split(tuple(i for i in order if i not in set(validation)), tuple(validation))


def energy_shifts_eV(frames: Sequence[Atoms], species: Sequence[str]) -> dict[str, float]:
    """Return each element's share of the total energy, by least squares.

    Where compositions do not tell elements apart (boron and nitrogen of a perfect sheet), the solution
    nearest to the mean energy per atom is taken: it describes the same total energies.

    Parameters
    ----------
    frames : sequence of Atoms
        With energies in eV; those of cut-outs are left out.
    species : sequence of str
        At least all elements of `frames`.
    """
    whole = [frame for frame in frames if is_whole(frame)]
    counts = _composition(whole, species).astype(float)
    energies = np.array([frame.get_potential_energy() for frame in whole])
    mean = float(energies.sum() / counts.sum())
    deviations, *_ = np.linalg.lstsq(counts, energies - mean * counts.sum(axis=1), rcond=1e-6)
    return {symbol: mean + float(shift) for symbol, shift in zip(species, deviations, strict=True)}


def forces_rms_eV_A(frames: Sequence[Atoms]) -> float:
    """Return the root mean square of the force components that are trained on."""
    return float(np.sqrt(np.mean(np.concatenate([f.get_forces()[core_of(f)] for f in frames]) ** 2)))


def loss_of_saying_nothing(frames: Sequence[Atoms], stage: TrainingStage) -> float:
    """Return the training loss of a model without forces, whose energies are those of `energy_shifts_eV`."""
    species = species_of(frames)
    whole = [frame for frame in frames if is_whole(frame)]
    shifts = np.array(list(energy_shifts_eV(whole, species).values()))
    sizes = np.array([len(frame) for frame in whole])
    energies = np.array([frame.get_potential_energy() for frame in whole])
    energy = np.mean(((energies - _composition(whole, species) @ shifts) / sizes) ** 2)
    force = forces_rms_eV_A(frames) ** 2
    # NequIP divides the weights by their sum. The last term keeps a perfect crystal's loss above zero.
    weights = stage.energy_weight + stage.force_weight
    return float((stage.energy_weight * energy + stage.force_weight * force) / weights) + _LEAST_LOSS


def _composition(frames: Sequence[Atoms], species: Sequence[str]) -> NDArray[np.int64]:
    from ase.data import atomic_numbers

    numbers = [atomic_numbers[symbol] for symbol in species]
    return np.array([[np.count_nonzero(frame.numbers == z) for z in numbers] for frame in frames])


def _check_frame(frame: Atoms, index: int, file: Path) -> None:
    reason = _unusable(frame)
    if reason:
        raise InputError(
            f"A labelled frame {reason}",
            "Leave it out of the dataset, or label it again.",
            {"file": str(file), "frame": index, "label_id": str(frame.info.get("label_id", ""))},
        )


def _unusable(frame: Atoms) -> str:
    results = {} if frame.calc is None else frame.calc.results
    if len(frame) == 0:
        return "has no atoms"
    if "energy" not in results:
        return "has no energy"
    if "forces" not in results:
        return "has no forces"
    if not np.isfinite(results["energy"]):
        return "has an energy that is not a finite number"
    if not (np.isfinite(results["forces"]).all() and np.isfinite(frame.positions).all()):
        return "has positions or forces that are not finite numbers"
    if abs(frame.cell.volume) < 1e-6:
        return "has no cell; clusters need one with vacuum"
    return ""


def _check_settings(frames: Sequence[Atoms], file: Path) -> None:
    settings = {str(frame.info[SETTINGS_KEY]) for frame in frames if SETTINGS_KEY in frame.info}
    if len(settings) > 1:
        raise InputError(
            "The labels were computed with different settings",
            "Train on labels of one reference: energies of two cannot be mixed.",
            {"file": str(file), SETTINGS_KEY: ", ".join(sorted(settings))},
        )
