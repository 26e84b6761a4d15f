"""A committee of NequIP models: energies, forces and their spread in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.drivers.nequip.frames import Frames
from beamheat_fw.drivers.nequip.member_networks import MemberNetworks
from beamheat_fw.drivers.nequip.models import (
    EnergyModel,
    Precision,
    atom_types,
    load_model,
    require_agreement,
)
from beamheat_fw.drivers.nequip.neighbours import NeighbourList
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What M members say about B frames with N atoms in all.

    Attributes
    ----------
    energies_eV : (M, B) float64 array
        Energy of each frame.
    atom_energies_eV : (M, N) float64 array
        Its share of each atom.
    forces_eV_A : (M, N, 3) float64 array
        Force on each atom.
    """

    energies_eV: NDArray[np.float64]
    atom_energies_eV: NDArray[np.float64]
    forces_eV_A: NDArray[np.float64]

    @cached_property
    def mean_energies_eV(self) -> NDArray[np.float64]:
        """(B,) array: the members' mean energy of each frame."""
        return _mean(self.energies_eV)

    @cached_property
    def mean_atom_energies_eV(self) -> NDArray[np.float64]:
        """(N,) array: the members' mean of each atom's share."""
        return _mean(self.atom_energies_eV)

    @cached_property
    def mean_forces_eV_A(self) -> NDArray[np.float64]:
        """(N, 3) array: the members' mean force on each atom."""
        return _mean(self.forces_eV_A)

    @cached_property
    def spread_eV_A(self) -> NDArray[np.float64]:
        """(N,) array: how far the members' forces on each atom lie apart.

        Root of the mean squared deviation of the M force vectors F_m from their mean,
        sqrt(sum_m |F_m - mean F|² / M): a norm, not a component, with ddof = 0. Zero for one member.
        """
        deviations = self.forces_eV_A - self.mean_forces_eV_A
        return np.sqrt(np.einsum("mni,mni->n", deviations, deviations) / len(deviations))


def _mean(of_members: NDArray[np.float64]) -> NDArray[np.float64]:
    # A member that drives alone is asked at every step.
    return of_members[0] if len(of_members) == 1 else of_members.mean(axis=0)


class Committee:
    """Evaluates its members on shared neighbours; `load` makes one from packages.

    Parameters
    ----------
    models : sequence of EnergyModel
        Of the same species and cutoff.
    device : str
        Where they are.
    """

    def __init__(self, models: Sequence[EnergyModel], device: str = "cpu") -> None:
        self._models = tuple(models)
        self._networks = MemberNetworks(self._models, device)
        self._device = device
        self._types_of: tuple[Frames, torch.Tensor] | None = None

    @classmethod
    def load(
        cls, packages: Sequence[Path], device: str = "cpu", precision: Precision | None = None
    ) -> Committee:
        """Load packages made by nequip-package.

        Parameters
        ----------
        packages : sequence of Path
            One ``.nequip.zip`` file a member.
        device : str
            As PyTorch names it.
        precision : {'float32', 'float64'}, optional
            The networks' precision; that of their training by default.

        Raises
        ------
        InputError
            No package, a missing one, one of another NequIP version, or members that differ in species or
            cutoff.
        IntegrityError
            A package is cut short.
        """
        if not packages:
            raise InputError("The committee has no members", "Give at least one package.")
        models = [load_model(Path(package), device, precision) for package in packages]
        require_agreement(models, [Path(package) for package in packages])
        return cls(models, device)

    def __len__(self) -> int:
        return len(self._models)

    @property
    def species(self) -> tuple[str, ...]:
        """The chemical symbols the members know."""
        return self._models[0].species

    @property
    def r_max_A(self) -> float:
        """The members' cutoff."""
        return self._models[0].r_max_A

    def evaluate(
        self,
        frames: Frames,
        positions: NDArray[np.float64],
        neighbours: NeighbourList,
        members: Sequence[int] | None = None,
    ) -> Evaluation:
        """Return energies and forces.

        Parameters
        ----------
        frames : Frames
        positions : (N, 3) float64 array
            In Å.
        neighbours : NeighbourList
            Of `frames`, with the committee's cutoff.
        members : sequence of int, optional
            Which members to ask; all by default.

        Raises
        ------
        InputError
            An element the members were not trained on.
        CalculationError
            A position is not a finite number.
        """
        vectors, shared = self._inputs(frames, positions, neighbours)
        asked = range(len(self)) if members is None else members
        atom_energies, forces = [], []
        for energies, slopes in self._networks.energies_and_slopes(shared, vectors, asked):
            atom_energies.append(energies.cpu().numpy())
            forces.append(_forces(slopes, shared["edge_index"], len(positions)))
        stacked = np.stack(atom_energies)
        return Evaluation(
            energies_eV=np.add.reduceat(stacked, frames.offsets[:-1], axis=1),
            atom_energies_eV=stacked,
            forces_eV_A=np.stack(forces),
        )

    def descriptors(
        self, frames: Frames, positions: NDArray[np.float64], neighbours: NeighbourList, member: int = 0
    ) -> NDArray[np.float64]:
        """Return what one member's last interaction layer knows of each atom's surroundings.

        Returns
        -------
        (N, D) float64 array
            The scalar features from which the atomic energies are read; invariant under rotation. Allegro has
            them on edges: there it is their mean over an atom's edges.
        """
        import torch

        vectors, shared = self._inputs(frames, positions, neighbours)
        with torch.no_grad():
            output = self._models[member].module({**shared, "edge_vectors": vectors})
        return read_descriptors(output, shared["edge_index"][0], len(positions))

    def _inputs(
        self, frames: Frames, positions: NDArray[np.float64], neighbours: NeighbourList
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        import torch

        edges = neighbours.edges(positions)
        shared = {
            # Only its length is used: geometry enters through the edge vectors.
            "pos": torch.from_numpy(np.ascontiguousarray(positions)).to(self._device),
            "edge_index": torch.from_numpy(np.ascontiguousarray(edges.index)).to(self._device),
            "atom_types": self._types(frames),
        }
        return torch.from_numpy(edges.vectors_A).to(self._device), shared

    def _types(self, frames: Frames) -> torch.Tensor:
        import torch

        if self._types_of is None or self._types_of[0] is not frames:
            types = torch.from_numpy(atom_types(frames.numbers, self.species))
            self._types_of = (frames, types.to(self._device))
        return self._types_of[1]


def read_descriptors(
    output: Mapping[str, torch.Tensor], atom_of_edge: torch.Tensor, atoms: int
) -> NDArray[np.float64]:
    """Return the descriptors of the first atoms, shape (atoms, D), from what a model gives out.

    Parameters
    ----------
    output : mapping of str to tensor
    atom_of_edge : tensor of int, shape (E,)
    atoms : int
    """
    import torch

    if "edge_features" not in output:
        return output["node_features"][:atoms].double().cpu().numpy()
    features = output["edge_features"].double()
    sums = torch.zeros(atoms, features.shape[1], dtype=features.dtype, device=features.device)
    edges = torch.bincount(atom_of_edge, minlength=atoms).clamp(min=1)
    return (sums.index_add_(0, atom_of_edge, features) / edges[:, None]).cpu().numpy()


def _forces(slopes: torch.Tensor, edge_index: torch.Tensor, atoms: int) -> NDArray[np.float64]:
    import torch

    # An edge's vector is x_neighbour - x_atom, so its slope pushes the atom and pulls the neighbour.
    forces = torch.zeros(atoms, 3, dtype=slopes.dtype, device=slopes.device)
    forces.index_add_(0, edge_index[0], slopes).index_add_(0, edge_index[1], slopes, alpha=-1.0)
    return forces.cpu().numpy()
