"""The potential on a rank's share, and the whole committee's opinion of the whole system."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.decomposed.bisection import bisect, within_cell
from beamheat_fw.drivers.md.decomposed.graph import PartGraph, PartModel
from beamheat_fw.drivers.md.decomposed.part import Part
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.decomposed.share import Share
from beamheat_fw.drivers.md.forces import Evaluated, Stopwatch

if TYPE_CHECKING:
    from beamheat_fw.drivers.md.decomposed.nequip_part import NequipPart


class DecomposedForces:
    """One model on a rank's share of a system; every call is collective.

    Parameters
    ----------
    model : PartModel
    share : Share
    skin_A : float
        How far beyond the cutoff edges are listed.
    stopwatch : Stopwatch, optional
        Where time spent here is added up.

    Attributes
    ----------
    part : Part
        Of the last search for edges.
    searches : int
        How often edges were searched for.
    """

    part: Part

    def __init__(
        self, model: PartModel, share: Share, skin_A: float, stopwatch: Stopwatch | None = None
    ) -> None:
        self._model = model
        self._share = share
        self._skin_A = skin_A
        self._stopwatch = stopwatch or Stopwatch()
        self.searches = 0

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        """Evaluate at the own atoms' positions, shape (n, 3)."""
        started = time.perf_counter()
        if not self.searches or self.part.is_stale(positions_A):
            self.rebuild(positions_A)
        graph = self.part.graph(positions_A)
        energies, slopes = _evaluate(self._model, graph)
        forces = self.part.forces(graph, slopes)
        self._stopwatch.seconds += time.perf_counter() - started
        self._stopwatch.calls += 1
        return Evaluated(self._share.per_frame(energies), energies, forces)

    def list_positions_A(self) -> np.ndarray | None:
        """Return where the own atoms were at the last search, shape (n, 3), None before the first."""
        return self.part.built_at_A if self.searches else None

    def rebuild(self, positions_A: np.ndarray) -> None:
        """Search for edges at the own atoms' positions, shape (n, 3)."""
        self.part = Part(self._share, positions_A, self._model, self._skin_A)
        self.searches += 1


class CommitteeOverRanks:
    """All models of a committee on a whole system, the work shared out over the ranks.

    Every rank calls it with the positions of all atoms and gets the values of all atoms.

    Parameters
    ----------
    models : sequence of PartModel
    batch : Batch
        One frame.
    ranks : Ranks
    """

    def __init__(self, models: Sequence[PartModel], batch: Batch, ranks: Ranks) -> None:
        self._models = models
        self._template = batch.templates[0]
        self._ranks = ranks

    def rebuild(self, positions_A: np.ndarray) -> None:
        """Share out the atoms where they are; positions of shape (N, 3)."""
        self._share, self._part = _shared_out(self._template, positions_A, self._ranks, self._models[0])

    def list_positions_A(self) -> np.ndarray | None:
        """Return None: nothing is kept from one audit to the next."""
        return None

    def __call__(self, positions_A: np.ndarray) -> Evaluated:
        """Evaluate at positions of shape (N, 3), the ones of `rebuild`."""
        ids = self._share.ids
        graph = self._part.graph(positions_A[ids])
        energies, forces = [], []
        for model in self._models:
            of_atoms, slopes = _evaluate(model, graph)
            energies.append(self._ranks.whole(ids, of_atoms))
            forces.append(self._ranks.whole(ids, self._part.forces(graph, slopes)))
        mean = np.mean(forces, axis=0)
        spread = np.sqrt(np.mean(np.sum((np.stack(forces) - mean) ** 2, axis=2), axis=0))
        mean_energies = np.mean(energies, axis=0)
        return Evaluated(mean_energies.sum(keepdims=True), mean_energies, mean, spread)


class DescriptorsOverRanks:
    """What the first member knows of each atom's surroundings, the work shared out over the ranks.

    Every rank calls it with the positions of all atoms and gets the descriptors of all atoms.

    Parameters
    ----------
    model : NequipPart
    ranks : Ranks
    """

    def __init__(self, model: NequipPart, ranks: Ranks) -> None:
        self._model = model
        self._ranks = ranks

    def __call__(self, batch: Batch, positions_A: np.ndarray) -> np.ndarray:
        """Describe one frame at positions of shape (N, 3); the descriptors have shape (N, D)."""
        share, part = _shared_out(batch.templates[0], positions_A, self._ranks, self._model)
        described = self._model.describe(part.graph(positions_A[share.ids]))
        return self._ranks.whole(share.ids, described)


def _evaluate(model: PartModel, graph: PartGraph) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate a model on the ranks that have atoms; no exchange waits for one that has none."""
    return model.evaluate(graph) if graph.exchange.nlocal else (np.zeros(0), np.zeros((0, 3)))


def _shared_out(
    template: Atoms, positions_A: np.ndarray, ranks: Ranks, model: PartModel
) -> tuple[Share, Part]:
    cell = template.cell.complete().array
    owners = bisect(within_cell(positions_A, cell, template.pbc), np.ones(len(positions_A)), ranks.size)
    share = Share.taking(template, np.flatnonzero(owners == ranks.rank), ranks)
    return share, Part(share, positions_A[share.ids], model, skin_A=0.0)
