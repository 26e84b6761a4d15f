"""A particle put on a support, and what makes that impossible."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from beamheat_fw.errors import InputError
from beamheat_fw.physics.structures.particles import build_particle
from beamheat_fw.physics.structures.recipes import ParticleRecipe, SupportRecipe, SystemRecipe
from beamheat_fw.physics.structures.supports import build_support

#: Atoms nearer than this fraction of the sum of their covalent radii (Cordero et al., Dalton Trans.
#: 2832 (2008), as tabulated by ASE) overlap: B-N in hBN stands at 0.93, Au-Au in the metal at 1.06.
OVERLAP_FRACTION = 0.65


def build_system(recipe: SystemRecipe) -> Atoms:
    """Put a particle on a support.

    Parameters
    ----------
    recipe : SystemRecipe

    Returns
    -------
    ase.Atoms
        The support first, then the particle; ``body`` 0 and 1, ``pbc`` (True, True, False), and a description
        in ``info["origin"]``.

    Raises
    ------
    InputError
        Atoms overlap, or the particle is too large for the cell.
    """
    support = build_support(recipe.support, recipe.vacuum_A)
    particle = build_particle(recipe.particle)
    particle.rotate(recipe.angle_deg, "z")
    atoms = place(particle, support, recipe.height_A, recipe.offset_A, recipe.vacuum_A)
    check_room(atoms, recipe.min_image_gap_A)
    check_overlap(atoms)
    atoms.info["origin"] = describe(recipe)
    return atoms


def build_free_particle(recipe: ParticleRecipe, vacuum_A: float = 8.0) -> Atoms:
    """Build a particle in a box of vacuum, not periodic, with ``body`` 1."""
    atoms = build_particle(recipe)
    atoms.center(vacuum=vacuum_A)
    atoms.info["origin"] = f"free {describe_particle(recipe)}"
    return atoms


def place(
    particle: Atoms, support: Atoms, height_A: float, offset_A: tuple[float, float], vacuum_A: float
) -> Atoms:
    """Return `particle` above the middle of `support`.

    Parameters
    ----------
    particle, support : ase.Atoms
        Neither is changed.
    height_A : float
        From the highest support atom to the lowest particle atom.
    offset_A : tuple of 2 float
        Lateral shift of the particle's mean position from the centre of the cell.
    vacuum_A : float
        Empty space below the lowest and above the highest atom.
    """
    lifted = particle.copy()
    lifted.positions[:, 2] += support.positions[:, 2].max() + height_A - lifted.positions[:, 2].min()
    centre = support.cell.cartesian_positions([0.5, 0.5, 0.0])[:2] + np.array(offset_A)
    lifted.positions[:, :2] += centre - lifted.positions[:, :2].mean(axis=0)
    atoms = support + lifted
    atoms.center(vacuum=vacuum_A, axis=2)
    return atoms


def image_gap_A(atoms: Atoms, within_A: float = 20.0) -> float:
    """Return the shortest distance between the particle and its own periodic images.

    Parameters
    ----------
    atoms : ase.Atoms
        With ``body``; atoms of body 1 are the particle.
    within_A : float
        Distances beyond this are not looked for.

    Returns
    -------
    float
        Distance in Å; infinity when there is no image within `within_A`.
    """
    positions = atoms.positions[atoms.arrays["body"] == 1]
    if len(positions) == 0 or not atoms.pbc.any():
        return float("inf")
    span = np.ptp(positions[:, :2], axis=0)
    reach = float(np.hypot(*span)) + within_A
    shortest = within_A
    for shift in _lateral_shifts(np.array(atoms.cell)[:2], reach):
        shortest = min(shortest, _nearest_distance(positions, positions + shift, shortest))
    return shortest if shortest < within_A else float("inf")


def closest_pair(atoms: Atoms, within_A: float = 3.5) -> tuple[int, int, float] | None:
    """Return indices and distance (Å) of the two nearest atoms, periodic images included.

    None when no two atoms are within `within_A`.
    """
    first, second, distance = neighbor_list("ijd", atoms, within_A)
    if len(distance) == 0:
        return None
    nearest = int(np.argmin(distance))
    return int(first[nearest]), int(second[nearest]), float(distance[nearest])


def check_structure(atoms: Atoms) -> None:
    """Refuse a structure that no calculator can make anything of.

    Raises
    ------
    InputError
        A position or cell vector is not a finite number, or atoms overlap, be it with their own images.
    """
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise InputError(
            "A position or cell vector is not a finite number",
            "Mend or drop this structure.",
            {"atoms": np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1)).tolist()[:10]},
        )
    check_overlap(atoms)


def check_overlap(atoms: Atoms) -> None:
    """Refuse atoms nearer than `OVERLAP_FRACTION` of the sum of their covalent radii.

    Raises
    ------
    InputError
        Names the pair that overlaps most and its distance, or the atom whose own image is that near.
    """
    radii = covalent_radii[atoms.numbers] * OVERLAP_FRACTION
    first, second, distance = neighbor_list("ijd", atoms, radii)
    if len(distance) == 0:
        return
    worst = int(np.argmin(distance / (radii[first] + radii[second])))
    i, j = sorted((int(first[worst]), int(second[worst])))
    values = {
        "distance_A": round(float(distance[worst]), 3),
        "least_distance_A": round(float(radii[i] + radii[j]), 3),
    }
    if i == j:
        raise InputError(
            f"The cell is too small: atom {i} ({atoms.symbols[i]}) overlaps with its own image",
            "Give a larger cell, or raise repeat.",
            values,
        )
    raise InputError(
        f"Atoms {i} ({atoms.symbols[i]}) and {j} ({atoms.symbols[j]}) overlap",
        "Raise height_A, or check lattice constants and repeat.",
        values,
    )


def check_margin(atoms: Atoms, least_A: float) -> None:
    """Refuse a cell whose open sides, those not periodic, come nearer than `least_A` to an atom.

    Raises
    ------
    InputError
        Names the atom and its distance.
    """
    heights_A = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    fractional = atoms.get_scaled_positions(wrap=False)
    margins_A = np.minimum(fractional, 1.0 - fractional) * heights_A
    margins_A[:, atoms.pbc] = np.inf
    nearest = int(np.argmin(margins_A.min(axis=1)))
    if margins_A[nearest].min() < least_A - 1e-9:
        raise InputError(
            f"The cell is too small: atom {nearest} ({atoms.symbols[nearest]}) is too near to an open side",
            "Raise vacuum_A.",
            {"distance_A": round(float(margins_A[nearest].min()), 3), "least_distance_A": least_A},
        )


def check_room(atoms: Atoms, min_image_gap_A: float) -> None:
    """Refuse a particle that comes nearer than `min_image_gap_A` to its periodic images.

    Raises
    ------
    InputError
        Names the particle's width, the cell and the gap.
    """
    gap = image_gap_A(atoms, within_A=min_image_gap_A + 1e-6)
    particle = atoms.positions[atoms.arrays["body"] == 1]
    width = float(np.ptp(particle[:, :2], axis=0).max()) if len(particle) else 0.0
    cell_width = float(_perpendicular_widths(np.array(atoms.cell)[:2]).min())
    if gap >= min_image_gap_A and width < cell_width + min_image_gap_A:
        return
    raise InputError(
        "The particle is too large for the support's cell",
        "Raise the support's repeat, or choose a smaller particle.",
        {
            "particle_width_A": round(width, 2),
            "cell_width_A": round(cell_width, 2),
            "image_gap_A": round(gap, 2),
            "min_image_gap_A": min_image_gap_A,
        },
    )


def describe(recipe: SystemRecipe) -> str:
    """Return a system recipe in one line."""
    return (
        f"{describe_particle(recipe.particle)}, {recipe.angle_deg:.3g} deg, {recipe.height_A:.3g} A above "
        f"{describe_support(recipe.support)}"
    )


def describe_support(recipe: SupportRecipe) -> str:
    """Return a support recipe in a few words, such as ``Cu fcc111 4x4x3``."""
    metal = f"{recipe.element} " if recipe.element else ""
    return f"{metal}{recipe.kind} {recipe.repeat[0]}x{recipe.repeat[1]}x{recipe.layers}"


def describe_particle(recipe: ParticleRecipe) -> str:
    """Return a particle recipe in a few words, such as ``Au flake 12+7``."""
    match recipe.kind:
        case "flake":
            size = "+".join(str(count) for count in recipe.atoms_per_layer)
        case "layers":
            size = "-".join(str(count) for count in recipe.layers)
        case "wulff":
            size = f"about {recipe.atoms} atoms"
        case "octahedron":
            size = f"{recipe.length},{recipe.cutoff}"
        case "icosahedron":
            size = f"{recipe.shells} shells"
        case "island":
            size = f"{recipe.radius_A:g} A, {recipe.layers} layers"
    return f"{recipe.element} {recipe.kind} {size}"


def _lateral_shifts(vectors: np.ndarray, reach: float) -> list[np.ndarray]:
    """Return the in-plane lattice vectors up to `reach`, one of each pair of opposites and without zero."""
    counts = np.ceil(reach / _perpendicular_widths(vectors)).astype(int)
    shifts = []
    for n in range(0, counts[0] + 1):
        for m in range(-counts[1] if n else 1, counts[1] + 1):
            shift = n * vectors[0] + m * vectors[1]
            if np.linalg.norm(shift) <= reach:
                shifts.append(shift)
    return shifts


def _perpendicular_widths(vectors: np.ndarray) -> np.ndarray:
    """Return the distances between opposite sides of the in-plane parallelogram (shape (2,), Å)."""
    area = np.linalg.norm(np.cross(vectors[0], vectors[1]))
    return area / np.linalg.norm(vectors[::-1], axis=1)


def _nearest_distance(points: np.ndarray, others: np.ndarray, within: float) -> float:
    from scipy.spatial import KDTree

    distances, _ = KDTree(points).query(others, distance_upper_bound=within)
    return float(np.min(distances))
