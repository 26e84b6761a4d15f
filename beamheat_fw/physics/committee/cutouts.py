"""Small pieces of large frames: the surroundings of one atom, small enough to be labelled."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

#: The integer array of a cut-out: 1 where an atom has all its surroundings, 0 in the shell that was cut.
CORE: Final = "core"


@dataclass(frozen=True)
class CutOutLimits:
    """How large a piece may be.

    Attributes
    ----------
    max_atoms : int
    shell_A : float
        Thickness of the outer shell, whose atoms stay where they are and are left out of the loss.
    vacuum_A : float
        Empty space around the piece in each direction that is no longer periodic.
    """

    max_atoms: int
    shell_A: float = 4.0
    vacuum_A: float = 8.0


def core_of(atoms: Atoms) -> NDArray[np.bool_]:
    """Return which atoms count, shape (N,): all of a whole frame, the core of a cut-out."""
    return atoms.arrays[CORE].astype(bool) if CORE in atoms.arrays else np.ones(len(atoms), dtype=bool)


def is_whole(atoms: Atoms) -> bool:
    """Tell whether a frame is no cut-out, so that its energy means something."""
    return bool(core_of(atoms).all())


def cut_out(atoms: Atoms, centre: int, limits: CutOutLimits) -> Atoms:
    """Return the surroundings of an atom; a frame that is small enough is returned as it is.

    A periodic direction stays periodic where the piece would meet its own image within the vacuum: there the
    frame is taken whole, and distance counts across the other directions only. In all others the piece ends
    in vacuum, and its outer shell has surroundings that no large system has.

    Parameters
    ----------
    atoms : Atoms
    centre : int
        The atom around which to cut.
    limits : CutOutLimits

    Returns
    -------
    Atoms
        With ``body``, if `atoms` has it, and ``core``.

    Raises
    ------
    InputError
        Within the limits the piece would be all shell.
    """
    if len(atoms) <= limits.max_atoms:
        return atoms
    kept = np.zeros(3, dtype=bool)
    while True:
        vectors, distance = _around(atoms, centre, kept)
        radius = float(np.partition(distance, limits.max_atoms)[limits.max_atoms])
        reaching = atoms.pbc & ~kept & (_heights_A(atoms) < 2.0 * radius + limits.vacuum_A)
        if not reaching.any():
            break
        kept[np.argmin(np.where(reaching, _heights_A(atoms), np.inf))] = True
    inside = np.flatnonzero(distance < radius - 1e-6)
    core = distance[inside] < radius - limits.shell_A
    if not core.any():
        raise InputError(
            "A cut-out would be nothing but its shell",
            "Raise selection.max_label_atoms, or make selection.shell_A thinner.",
            {"atoms": len(inside), "radius_A": round(radius, 2), "shell_A": limits.shell_A},
        )
    return _piece(atoms, inside, vectors[inside], core, kept, limits)


def _around(
    atoms: Atoms, centre: int, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each atom's vector from the centre, and its length across the directions that are not kept."""
    cell = atoms.cell.array
    across = np.eye(3)
    for vector in np.linalg.qr(cell[kept].T)[0].T:
        across -= np.outer(vector, vector)
    vectors = atoms.positions - atoms.positions[centre]
    fractional = np.linalg.solve(cell.T, vectors.T).T
    vectors = vectors - np.where(atoms.pbc, np.round(fractional), 0.0) @ cell
    shifts = np.array(list(product(*((-1, 0, 1) if open_ else (0,) for open_ in atoms.pbc & ~kept)))) @ cell
    images = vectors[:, None] + shifts
    lengths = np.linalg.norm(images @ across, axis=2)
    nearest = np.argmin(lengths, axis=1)
    atom = np.arange(len(atoms))
    return images[atom, nearest], lengths[atom, nearest]


def _heights_A(atoms: Atoms) -> NDArray[np.float64]:
    """Return the distances between opposite faces of the cell."""
    return 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)


def _piece(
    atoms: Atoms,
    inside: NDArray[np.int_],
    vectors_A: NDArray[np.float64],
    core: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    limits: CutOutLimits,
) -> Atoms:
    from ase import Atoms

    cell = _cell(atoms.cell.array, vectors_A, kept, limits.vacuum_A)
    piece = Atoms(atoms.numbers[inside], positions=vectors_A, cell=cell, pbc=kept)
    fractional = piece.get_scaled_positions(wrap=False)
    middle = 0.5 * (fractional.min(axis=0) + fractional.max(axis=0))
    piece.positions += np.where(kept, 0.0, 0.5 - middle) @ cell
    if "body" in atoms.arrays:
        piece.set_array("body", atoms.arrays["body"][inside])
    piece.set_array(CORE, core.astype(int))
    return piece


def _cell(
    cell_A: NDArray[np.float64], vectors_A: NDArray[np.float64], kept: NDArray[np.bool_], vacuum_A: float
) -> NDArray[np.float64]:
    """Return the kept vectors, and others at right angles to them and to each other, long enough."""
    new = np.where(kept[:, None], cell_A, 0.0)
    for axis in np.flatnonzero(~kept):
        span = np.linalg.svd(new[np.linalg.norm(new, axis=1) > 0])[2] if new.any() else np.eye(3)
        rank = np.linalg.matrix_rank(new)
        free = span[rank:]
        direction = free.T @ (free @ cell_A[axis])
        if np.linalg.norm(direction) < 1e-6:
            direction = free[0]
        direction /= np.linalg.norm(direction)
        along = vectors_A @ direction
        new[axis] = (along.max() - along.min() + vacuum_A) * direction
    return new
