"""A system in motion whose atoms are shared out over the ranks and change hands as they move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import Batch
from beamheat_fw.drivers.md.decomposed.bisection import bisect, within_cell
from beamheat_fw.drivers.md.decomposed.forces import DecomposedForces
from beamheat_fw.drivers.md.decomposed.ranks import Ranks
from beamheat_fw.drivers.md.decomposed.share import Share
from beamheat_fw.drivers.md.dynamics import Drive, Dynamics, Motion
from beamheat_fw.drivers.md.forces import Evaluated
from beamheat_fw.drivers.md.integrators import State

#: Binds the potential to a share.
MakeShareForces = Callable[[Share], DecomposedForces]
#: Searches for edges after which atoms are shared out anew. Late sharing costs balance, never correctness.
SEARCHES_BETWEEN_SHARINGS = 10
_OF_ATOMS = ("positions_A", "velocities", "forces_eV_A", "atom_energies_eV", "list_positions_A")


class DecomposedDynamics(Dynamics):
    """One system in motion, each rank moving the atoms it owns; every method is collective.

    Parameters
    ----------
    system : Atoms
    ranks : Ranks
    make_forces : callable
        Binds the potential to a share; called again when atoms change hands.
    motion : Motion
    seed : sequence of int
        The entropy of the random numbers.
    drive : Drive, optional
        For `driven_step`.

    Attributes
    ----------
    sharings : int
        How often atoms were shared out anew.
    """

    batch: Share
    forces: DecomposedForces

    def __init__(
        self,
        system: Atoms,
        ranks: Ranks,
        make_forces: MakeShareForces,
        motion: Motion,
        seed: Sequence[int],
        drive: Drive | None = None,
    ) -> None:
        self._ranks = ranks
        self._frame = Batch.of([system])
        self.sharings = 0
        owners = self._owners(system.positions, np.ones(len(system)))
        super().__init__(self._share(owners), make_forces, motion, [seed], drive)  # type: ignore[arg-type]

    def _share(self, owners: np.ndarray) -> Share:
        return Share.taking(self._frame.templates[0], np.flatnonzero(owners == self._ranks.rank), self._ranks)

    def _owners(self, positions_A: np.ndarray, weights: np.ndarray) -> np.ndarray:
        system = self._frame.templates[0]
        inside_A = within_cell(positions_A, system.cell.complete().array, system.pbc)
        return bisect(inside_A, weights, self._ranks.size)

    def begin(self, positions_A: np.ndarray, temperatures_K: np.ndarray) -> None:
        """Start at the own atoms' positions with velocities drawn at each one's temperature."""
        super().begin(positions_A, temperatures_K)
        if self._ranks.size > 1:
            self._share_out()

    def verlet_step(self) -> None:
        """Advance by one step at constant energy."""
        super().verlet_step()
        self._share_out_if_due()

    def langevin_step(self, temperatures_K: np.ndarray) -> np.ndarray:
        """Advance by one step in baths of shape (n,); return the heat they gave, eV, shape (1, 2)."""
        heat = super().langevin_step(temperatures_K)
        self._share_out_if_due()
        return heat

    def driven_step(self) -> tuple[np.ndarray, np.ndarray]:
        """Advance by one step at constant power; return the bath's heat, (1, 2), and what is put in, (1,)."""
        heat = super().driven_step()
        self._share_out_if_due()
        return heat

    def _share_out_if_due(self) -> None:
        # The same on every rank: edges are searched for everywhere at once.
        if self._ranks.size > 1 and self.forces.searches > SEARCHES_BETWEEN_SHARINGS:
            self._share_out()

    def _share_out(self) -> None:
        """Share out the atoms where they are, by the work that they were since the last search."""
        state, ids = self.state, self.batch.ids
        work = self._ranks.whole(ids, 1.0 + self.forces.part.edges_of_atoms)
        owners = self._owners(self._ranks.whole(ids, state.positions_A), work)
        evaluated = state.evaluated
        rows = np.column_stack(
            [state.positions_A, state.velocities, evaluated.forces_eV_A, evaluated.atom_energies_eV]
        )
        whole = self._ranks.whole(ids, rows)
        self._bind(self._share(owners))
        mine = whole[self.batch.ids]
        own = Evaluated(evaluated.energies_eV, mine[:, 9], mine[:, 6:9])
        self.state = State(mine[:, :3].copy(), mine[:, 3:6].copy(), own, state.step)
        self.forces.rebuild(self.state.positions_A)
        self.sharings += 1

    def whole(self) -> tuple[Batch, np.ndarray]:
        """Return the whole system as a batch, and the positions of all atoms, on every rank."""
        return self._frame, self._ranks.whole(self.batch.ids, self.state.positions_A)

    def stored(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the whole state in the atoms' order, with their owners; arrays on the first rank alone."""
        arrays, info = super().stored()
        energies_eV = arrays.pop("energies_eV")
        arrays["owners"] = np.full(self.batch.ids.size, self._ranks.rank)
        gathered = {name: self._ranks.whole_on_first(self.batch.ids, rows) for name, rows in arrays.items()}
        info = {**info, "searches": self.forces.searches, "sharings": self.sharings}
        if not self._ranks.is_first:
            return {}, info
        return {"energies_eV": energies_eV, **{n: a for n, a in gathered.items() if a is not None}}, info

    def restore(self, arrays: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> None:
        """Go on from what the first rank's `stored` returned, bit for bit on the same number of ranks."""
        self._bind(self._share(arrays["owners"]))
        ids = self.batch.ids
        mine = {name: arrays[name][ids] for name in _OF_ATOMS}
        super().restore({**mine, "energies_eV": arrays["energies_eV"]}, info)
        self.forces.searches = info["searches"]
        self.sharings = info["sharings"]
