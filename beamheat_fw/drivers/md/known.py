"""What a committee was trained on, against which the frames of a trajectory are new or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from beamheat_fw.drivers.md.inputs import KNOWN_FILE, read_structures
from beamheat_fw.physics.committee.cutouts import core_of
from beamheat_fw.physics.committee.novelty import Novelty, learn_novelty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from beamheat_fw.drivers.md.batch import Batch
    from beamheat_fw.drivers.nequip.committee import Committee


class Describe(Protocol):
    """Describes the surroundings of every atom of a batch, as the first member of the committee sees them."""

    def __call__(self, batch: Batch, positions_A: np.ndarray) -> np.ndarray:
        """Return the descriptors, shape (N, D), at positions of shape (N, 3)."""
        ...


@dataclass(frozen=True, eq=False)
class Known:
    """The training set as one member of the committee sees it.

    Attributes
    ----------
    novelty : Novelty
        Of that member's descriptors.
    descriptors : Describe
        By the same member.
    """

    novelty: Novelty
    descriptors: Describe

    @classmethod
    def of_folder(cls, folder: Path, committee: Committee, describe: Describe | None = None) -> Self | None:
        """Learn from the structures in a job folder; None where there are none.

        The first member looks at each structure once, without forces: less than a few steps of the dynamics.

        Parameters
        ----------
        folder : Path
        committee : Committee
        describe : Describe, optional
            How the dynamics' batches are described, if not by `committee` on this rank alone.
        """
        from beamheat_fw.drivers.nequip.evaluate import batches

        file = folder / KNOWN_FILE
        if not file.exists():
            return None
        frames = read_structures(file)
        described = np.concatenate([_describe(committee, batch) for batch in batches(frames)])
        element = np.concatenate([np.array(atoms.get_chemical_symbols()) for atoms in frames])
        frame = np.repeat(np.arange(len(frames)), [len(atoms) for atoms in frames])
        # The shell of a cut-out is in the training set, and yet nothing was learnt there.
        core = np.concatenate([core_of(atoms) for atoms in frames])
        novelty = learn_novelty(described[core], element[core], frame[core])
        return cls(novelty, describe or partial(_describe_batch, committee))


def _describe_batch(committee: Committee, batch: Batch, positions_A: np.ndarray) -> np.ndarray:
    return _describe(committee, batch.templates, positions_A)


def _describe(
    committee: Committee, structures: Sequence[Atoms], positions_A: np.ndarray | None = None
) -> np.ndarray:
    from beamheat_fw.drivers.nequip.frames import Frames, stacked_positions
    from beamheat_fw.drivers.nequip.neighbours import NeighbourList

    frames = Frames.from_atoms(structures)
    positions = stacked_positions(structures) if positions_A is None else positions_A
    return committee.descriptors(frames, positions, NeighbourList(frames, committee.r_max_A, skin_A=0.0))
