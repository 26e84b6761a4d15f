"""The networks of a committee's members, on what all of them compute alike from the edges.

Spherical harmonics, radial basis and short-range repulsion hold nothing that is learnt: a quarter of what one
member costs. They are computed once, and each member's slopes are led back through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from beamheat_fw.drivers.nequip.models import EnergyModel

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

#: Modules of NequIP that know the edges' geometry alone, if they hold nothing that is learnt.
_OF_EDGES: Final = frozenset(
    {"SphericalHarmonicEdgeAttrs", "EdgeLengthNormalizer", "BesselEdgeLengthEncoding", "ApplyFactor"}
)
_OF_TYPES: Final = "NodeTypeEmbed"
_POTENTIAL: Final = "pair_potential"
_VECTORS, _ENERGY = "edge_vectors", "atomic_energy"


class MemberNetworks:
    """Evaluates members one after the other.

    Members share what answers alike to a probe; of models built otherwise than NequIP's, nothing.

    Parameters
    ----------
    models : sequence of EnergyModel
        Of the same species and cutoff.
    device : str
        Where they are.
    """

    def __init__(self, models: Sequence[EnergyModel], device: str = "cpu") -> None:
        parts = [_parts(model) for model in models]
        probe = _probe(models[0], device)
        alike = all(_same(parts[0], other, probe) for other in parts[1:])
        self._parts = parts if alike else [_Parts([], None, [model.module]) for model in models]

    def energies_and_slopes(
        self, inputs: Tensors, edge_vectors: torch.Tensor, members: Sequence[int]
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield of each member the atoms' energies, (N,) in eV, and their sum's slopes, (E, 3) in eV/Å.

        Parameters
        ----------
        inputs : dict of str to tensor
            What NequIP's models ask for beside the edges' vectors.
        edge_vectors : (E, 3) float64 tensor
            In Å.
        members : sequence of int
        """
        import torch

        vectors = edge_vectors.detach().requires_grad_()
        edges = self._parts[0].edge_fields({**inputs, _VECTORS: vectors})
        repulsion, repulsive_slopes = self._parts[0].repulsion(inputs, edge_vectors)
        for member in members:
            energies = self._parts[member].energies(edges)
            (slopes,) = torch.autograd.grad(energies.sum(), vectors, retain_graph=True)
            yield energies.detach() + repulsion, slopes + repulsive_slopes


@dataclass(frozen=True, eq=False)
class _Parts:
    """A model in the order in which its parts are evaluated.

    Attributes
    ----------
    of_edges : list of Module
        What needs the edges alone.
    potential : Module, optional
        A pair potential that is added to what the network finds.
    network : list of Module
        All else.
    """

    of_edges: list[Any]
    potential: Any | None
    network: list[Any]

    def edge_fields(self, inputs: Tensors) -> Tensors:
        """Return the inputs with what the edges' geometry comes to."""
        return _through(self.of_edges, inputs)

    def energies(self, fields: Tensors) -> torch.Tensor:
        """Return the atoms' energies from the network alone, shape (N,)."""
        return _through(self.network, fields)[_ENERGY].view(-1)

    def repulsion(self, inputs: Tensors, edge_vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the atoms' energies from the pair potential, (N,), and their sum's slopes, (E, 3)."""
        import torch

        if self.potential is None:
            return edge_vectors.new_zeros(len(inputs["pos"])), torch.zeros_like(edge_vectors)
        vectors = edge_vectors.detach().requires_grad_()
        energies = self.potential({**inputs, _VECTORS: vectors})[_ENERGY].view(-1)
        (slopes,) = torch.autograd.grad(energies.sum(), vectors)
        return energies.detach(), slopes


def _through(modules: Sequence[Any], fields: Tensors) -> Tensors:
    fields = dict(fields)
    for module in modules:
        fields = module(fields)
    return fields


def _parts(model: EnergyModel) -> _Parts:
    network = getattr(getattr(model.module, "model", None), "func", None)
    children = dict(network.named_children()) if network is not None else {}
    of_edges = []
    for name, child in children.items():
        if type(child).__name__ == _OF_TYPES:
            continue
        if type(child).__name__ not in _OF_EDGES or _learns(child):
            break
        of_edges.append(name)
    if not of_edges:
        return _Parts([], None, [model.module])
    potential = children.get(_POTENTIAL)
    shared = {*of_edges} if potential is None or _learns(potential) else {*of_edges, _POTENTIAL}
    return _Parts(
        [children[name] for name in of_edges],
        potential if _POTENTIAL in shared else None,
        [child for name, child in children.items() if name not in shared],
    )


def _learns(module: Any) -> bool:
    return any(True for _ in module.parameters())


def _probe(model: EnergyModel, device: str) -> Tensors:
    """Return edges of all lengths up to the cutoff, between atoms of all types."""
    import torch

    types = torch.arange(len(model.species), device=device)
    lengths = torch.linspace(0.1, 1.0, 19, dtype=torch.float64, device=device) * model.r_max_A
    pairs = torch.cartesian_prod(types, types)
    direction = torch.tensor([0.48, -0.6, 0.64], dtype=torch.float64, device=device)
    return {
        "pos": torch.zeros(len(types), 3, dtype=torch.float64, device=device),
        "atom_types": types,
        "edge_index": pairs.repeat_interleave(len(lengths), dim=0).T.contiguous(),
        _VECTORS: (lengths[:, None] * direction).repeat(len(pairs), 1),
    }


def _same(one: _Parts, other: _Parts, probe: Tensors) -> bool:
    """Whether two members get the same from the edges, to the last bit."""
    import torch

    if (one.potential is None) != (other.potential is None):
        return False
    first, second = one.edge_fields(probe), other.edge_fields(probe)
    return first.keys() == second.keys() and all(
        torch.equal(a, b)
        for a, b in (
            *((first[name], second[name]) for name in first),
            *zip(one.repulsion(probe, probe[_VECTORS]), other.repulsion(probe, probe[_VECTORS]), strict=True),
        )
    )
