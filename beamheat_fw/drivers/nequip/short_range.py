"""Repulsion between atoms that come closer than any bond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nequip.nn import SequentialGraphNetwork

#: Where the repulsion ends, in units of the sum of two covalent radii: just inside the shortest bonds.
_REACH = 0.85


def short_range_zbl(
    type_names: Sequence[str], irreps_in: dict[str, Any], reach: float = _REACH
) -> SequentialGraphNetwork:
    """Build the Ziegler-Biersack-Littmark repulsion with a cutoff of its own for each pair of elements.

    NequIP's own ZBL term reaches as far as the model: at 2.5 Å it holds 2 eV for Au-Cu, a force of 4 eV/Å
    that the network must first learn to cancel. With this reach, nothing is left of it at bond lengths.
    Made of NequIP's modules alone, so that packages need nothing but NequIP.

    Parameters
    ----------
    type_names : sequence of str
        Chemical symbols; the atom types.
    irreps_in : dict
        What the modules before it give.
    reach : float
        Cutoff over the sum of covalent radii.

    References
    ----------
    J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Matter (1985); with
    covalent radii as cutoffs: Batatia et al., arXiv 2401.00096. Radii: Cordero et al., Dalton Trans. 2008,
    2832, as in ASE.
    """
    from nequip.nn import SequentialGraphNetwork
    from nequip.nn.embedding import EdgeLengthNormalizer
    from nequip.nn.pair_potential import ZBL

    cutoffs = pair_cutoffs_A(type_names, reach)
    lengths = EdgeLengthNormalizer(
        r_max=max(cutoff for of_first in cutoffs.values() for cutoff in of_first.values()),
        type_names=list(type_names),
        per_edge_type_cutoff=cutoffs,
        irreps_in=irreps_in,
    )
    repulsion = ZBL(
        type_names=list(type_names),
        chemical_species=list(type_names),
        units="metal",
        irreps_in=lengths.irreps_out,
    )
    return SequentialGraphNetwork({"lengths": lengths, "zbl": repulsion})


def pair_cutoffs_A(symbols: Sequence[str], reach: float = _REACH) -> dict[str, dict[str, float]]:
    """Return where the repulsion between each pair of elements ends, in Å."""
    from ase.data import atomic_numbers, covalent_radii

    radius = {symbol: float(covalent_radii[atomic_numbers[symbol]]) for symbol in symbols}
    return {first: {other: reach * (radius[first] + radius[other]) for other in symbols} for first in symbols}
