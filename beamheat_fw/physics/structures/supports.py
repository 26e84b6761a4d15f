"""Support slabs from recipes: periodic in the plane, z along the surface normal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import fcc100, fcc111, make_supercell, surface
from ase.spacegroup import crystal

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.lattice import fcc_constant_A
from beamheat_fw.physics.structures.recipes import SupportRecipe

#: Atoms closer than this in z belong to one atomic layer of a perfect crystal.
_SAME_LAYER_A = 0.05


@dataclass(frozen=True)
class _Stack:
    """A crystal of two alternating flat layers: lattice constants (Å), surface cell, atoms of each layer."""

    a_A: float
    c_A: float | None  # None in a cubic crystal
    side_per_a: float
    angle_deg: float
    layers: tuple[dict[tuple[float, float], str], dict[tuple[float, float], str]]


_THIRD, _TWO_THIRDS = 1 / 3, 2 / 3

_STACKS = {
    # AA' stacking; a = 2.5039, c = 6.6612 at 308 K: Pease, Acta Cryst. 5, 356 (1952).
    "hbn": _Stack(
        2.504,
        6.661,
        1.0,
        120.0,
        (
            {(0.0, 0.0): "B", (_THIRD, _TWO_THIRDS): "N"},
            {(0.0, 0.0): "N", (_THIRD, _TWO_THIRDS): "B"},
        ),
    ),
    # Bernal stacking; Trucano and Chen, Nature 258, 136 (1975).
    "graphite": _Stack(
        2.464,
        6.711,
        1.0,
        120.0,
        (
            {(0.0, 0.0): "C", (_THIRD, _TWO_THIRDS): "C"},
            {(0.0, 0.0): "C", (_TWO_THIRDS, _THIRD): "C"},
        ),
    ),
    # The primitive square of rock salt (001), side a/sqrt(2); periclase a = 4.203 to 4.212: Anthony et al.,
    # Handbook of Mineralogy (Mineralogical Society of America).
    "mgo001": _Stack(
        4.212,
        None,
        np.sqrt(0.5),
        90.0,
        ({(0.0, 0.0): "Mg", (0.5, 0.5): "O"}, {(0.0, 0.0): "O", (0.5, 0.5): "Mg"}),
    ),
}


@dataclass(frozen=True)
class _Titania:
    """A tetragonal TiO2: space group, lattice constants (Å) and fractional position of oxygen."""

    spacegroup: int
    a_A: float
    c_A: float
    oxygen: tuple[float, float, float]


_TITANIA = {
    # Abrahams and Bernstein, J. Chem. Phys. 55, 3206 (1971), 298 K.
    "rutile101": _Titania(136, 4.5937, 2.9587, (0.30479, 0.30479, 0.0)),
    # Burdett et al., J. Am. Chem. Soc. 109, 3639 (1987), 295 K.
    "anatase101": _Titania(141, 3.7851, 9.5119, (0.0, 0.0, 0.2081)),
}


def build_support(recipe: SupportRecipe, vacuum_A: float = 8.0) -> Atoms:
    """Build a support slab.

    Parameters
    ----------
    recipe : SupportRecipe
    vacuum_A : float
        Empty space below and above the slab.

    Returns
    -------
    ase.Atoms
        ``pbc`` (True, True, False), ``body`` 0, the slab in the middle of the cell.

    Raises
    ------
    InputError
        No oxygen is there to remove, or the metal has no tabulated fcc lattice constant.
    """
    cell = _BUILDERS[recipe.kind](recipe)
    if recipe.rectangular:
        cell = _rectangular(cell, recipe)
    slab = cell.repeat((*recipe.repeat, 1))
    slab = _without_surface_oxygen(slab, recipe)
    stretched = np.array(slab.cell)
    stretched[:, :2] *= 1.0 + np.array(recipe.strain)
    slab.set_cell(stretched, scale_atoms=True)
    slab.center(vacuum=vacuum_A, axis=2)
    support = Atoms(slab.symbols, positions=slab.positions, cell=slab.cell, pbc=(True, True, False))
    support.set_array("body", np.zeros(len(support), dtype=int))
    return support


def support_elements(recipe: SupportRecipe) -> tuple[str, ...]:
    """Return the chemical symbols of a support, sorted."""
    single = SupportRecipe(recipe.kind, (1, 1), element=recipe.element, a_A=recipe.a_A, c_A=recipe.c_A)
    return tuple(sorted(set(build_support(single).get_chemical_symbols())))


def layers_by_height(heights_A: np.ndarray, gap_A: float = _SAME_LAYER_A) -> list[np.ndarray]:
    """Group atoms into layers wherever sorted heights are more than `gap_A` apart.

    Parameters
    ----------
    heights_A : ndarray of float, shape (n,)
        Heights in Å.
    gap_A : float

    Returns
    -------
    list of ndarray of int
        Atom indices of each layer, the lowest layer first.
    """
    order = np.argsort(heights_A, kind="stable")
    cuts = np.flatnonzero(np.diff(heights_A[order]) > gap_A) + 1
    return np.split(order, cuts)


def _stack(recipe: SupportRecipe) -> Atoms:
    stack = _STACKS[recipe.kind]
    a = recipe.a_A or stack.a_A
    side, spacing = a * stack.side_per_a, (recipe.c_A or stack.c_A or a) / 2.0
    symbols, scaled = [], []
    for level in range(recipe.layers):
        for (x, y), symbol in stack.layers[level % 2].items():
            symbols.append(symbol)
            scaled.append((x, y, level / recipe.layers))
    cell = (side, side, recipe.layers * spacing, 90.0, 90.0, stack.angle_deg)
    return Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)


def _titania_101(recipe: SupportRecipe) -> Atoms:
    """Cut stoichiometric layers of TiO2 (101), each bounded by the widest gaps between atomic planes."""
    oxide = _TITANIA[recipe.kind]
    a, c = recipe.a_A or oxide.a_A, recipe.c_A or oxide.c_A
    bulk = crystal(
        ["Ti", "O"],
        [(0, 0, 0), oxide.oxygen],
        spacegroup=oxide.spacegroup,
        cellpar=[a, a, c, 90, 90, 90],
    )
    thick = surface(bulk, (1, 0, 1), recipe.layers + 2, vacuum=None)
    heights = np.array(
        [thick.positions[layer, 2].mean() for layer in layers_by_height(thick.positions[:, 2])]
    )
    # The distance of (101) planes through corners of the conventional cell, which is what `surface` repeats.
    spacing = 1.0 / np.sqrt(1.0 / a**2 + 1.0 / c**2)
    first = np.flatnonzero(heights < heights[0] + spacing + _SAME_LAYER_A)
    gap = int(np.argmax(np.diff(heights[first])))
    bottom = (heights[gap] + heights[gap + 1]) / 2.0
    inside = (thick.positions[:, 2] > bottom) & (thick.positions[:, 2] < bottom + recipe.layers * spacing)
    return thick[inside]


def _metal(recipe: SupportRecipe) -> Atoms:
    build = {"fcc111": fcc111, "fcc001": fcc100}[recipe.kind]
    return build(
        recipe.element,
        (1, 1, recipe.layers),
        a=recipe.a_A or fcc_constant_A(recipe.element or ""),
        vacuum=1.0,
    )


def _rectangular(cell: Atoms, recipe: SupportRecipe) -> Atoms:
    angle = cell.cell.angles()[2]
    if abs(angle - 90.0) < 1e-6:
        return cell
    if min(abs(angle - 60.0), abs(angle - 120.0)) > 1e-6:
        raise InputError(
            "The surface has no rectangular cell",
            "Remove rectangular.",
            {"kind": recipe.kind, "angle_deg": angle},
        )
    second = [1, 2, 0] if angle > 90.0 else [-1, 2, 0]
    doubled = make_supercell(cell, [[1, 0, 0], second, [0, 0, 1]])
    doubled.wrap(pbc=(True, True, False))
    return doubled


def _without_surface_oxygen(slab: Atoms, recipe: SupportRecipe) -> Atoms:
    if recipe.vacancy_fraction == 0.0:
        return slab
    oxygen = np.flatnonzero(slab.symbols == "O")
    if len(oxygen) == 0:
        raise InputError(
            "The support has no oxygen to remove", "Set vacancy_fraction to 0.", {"kind": recipe.kind}
        )
    layers = layers_by_height(slab.positions[oxygen, 2])
    random = np.random.default_rng(recipe.vacancy_seed)
    missing: list[int] = []
    for face in [layers[0], layers[-1]] if len(layers) > 1 else [layers[0]]:
        count = round(recipe.vacancy_fraction * len(face))
        missing.extend(oxygen[random.choice(face, size=count, replace=False)])
    return slab[_all_but(missing, len(slab))]


def _all_but(indices: Iterable[int], count: int) -> np.ndarray:
    keep = np.ones(count, dtype=bool)
    keep[list(indices)] = False
    return keep


_BUILDERS: dict[str, Callable[[SupportRecipe], Atoms]] = {
    **dict.fromkeys(_STACKS, _stack),
    **dict.fromkeys(_TITANIA, _titania_101),
    "fcc111": _metal,
    "fcc001": _metal,
}
