"""The committee as an ASE calculator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ase.calculators.calculator import Calculator, all_changes

from beamheat_fw.drivers.nequip.frames import Frames
from beamheat_fw.drivers.nequip.neighbours import NeighbourList

if TYPE_CHECKING:
    from beamheat_fw.drivers.nequip.committee import Committee


class CommitteeCalculator(Calculator):
    """The committee's mean energy and forces.

    Beside ASE's results it leaves ``spread_eV_A`` (N,), ``member_energies_eV`` (M,) and
    ``member_forces_eV_A`` (M, N, 3) in `results`.

    Parameters
    ----------
    committee : Committee
    skin_A : float
        How far beyond the cutoff neighbours are listed, so that lists last for several steps.
    """

    implemented_properties = ["energy", "energies", "forces", "free_energy"]  # noqa: RUF012

    def __init__(self, committee: Committee, skin_A: float = 0.5) -> None:
        super().__init__()
        self._committee = committee
        self._skin_A = skin_A
        self._neighbours: NeighbourList | None = None

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Evaluate all members at `atoms`."""
        super().calculate(atoms, list(properties), list(system_changes))
        if self._neighbours is None or set(system_changes) & {"numbers", "cell", "pbc"}:
            frames = Frames.from_atoms([atoms])
            self._neighbours = NeighbourList(frames, self._committee.r_max_A, self._skin_A)
        evaluation = self._committee.evaluate(self._neighbours.frames, atoms.positions, self._neighbours)
        energy = float(evaluation.mean_energies_eV[0])
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "energies": evaluation.mean_atom_energies_eV,
            "forces": evaluation.mean_forces_eV_A,
            "spread_eV_A": evaluation.spread_eV_A,
            "member_energies_eV": evaluation.energies_eV[:, 0],
            "member_forces_eV_A": evaluation.forces_eV_A,
        }
