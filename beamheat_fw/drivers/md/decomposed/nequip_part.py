"""A NequIP model on a part of a system, the features of whose ghosts come from other ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.drivers.md.decomposed.graph import PartGraph

if TYPE_CHECKING:
    import torch

    from beamheat_fw.drivers.nequip.models import EnergyModel


@dataclass(frozen=True, eq=False)
class NequipPart:
    """A model loaded with ghosts.

    Features are exchanged before every layer but the first, and their gradients on the way back: ghosts are
    needed as far as the cutoff, not the cutoff times the layers.
    """

    model: EnergyModel

    @property
    def r_max_A(self) -> float:
        """The model's cutoff."""
        return self.model.r_max_A

    def types_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the model's type of each atomic number.

        Raises
        ------
        InputError
            An element the model was not trained on.
        """
        from beamheat_fw.drivers.nequip.models import atom_types

        return atom_types(numbers, self.model.species)

    def evaluate(self, graph: PartGraph) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the own atoms' energies, shape (n,), and the slopes of the whole energy, shape (E, 3)."""
        import torch

        vectors = torch.from_numpy(graph.vectors_A).requires_grad_()
        energies = self._output(graph, vectors)["atomic_energy"].view(-1)[: graph.exchange.nlocal]
        # Energies of atoms elsewhere that depend on these edges come in through the exchange of gradients.
        (slopes,) = torch.autograd.grad(energies.sum(), vectors)
        return energies.detach().numpy(), slopes.numpy()

    def describe(self, graph: PartGraph) -> NDArray[np.float64]:
        """Return what `Committee.descriptors` does of the own atoms, shape (n, D)."""
        import torch

        from beamheat_fw.drivers.nequip.committee import read_descriptors

        with torch.no_grad():
            output = self._output(graph, torch.from_numpy(graph.vectors_A))
        return read_descriptors(output, torch.from_numpy(graph.index[0]), graph.exchange.nlocal)

    def _output(self, graph: PartGraph, vectors: torch.Tensor) -> dict[str, Any]:
        import torch

        own, nodes = graph.exchange.nlocal, graph.exchange.ntotal
        return self.model.module(
            {
                "edge_vectors": vectors,
                "edge_index": torch.from_numpy(graph.index),
                "atom_types": torch.from_numpy(graph.types),
                # The exchange stands in the place of LAMMPS' ML-IAP data.
                "lmp_mliap_data": graph.exchange,
                "num_local_ghost_atoms": torch.tensor([own, nodes - own]),
            }
        )
