"""The numerical path of a GPAW calculation: what may change without changing what the energy means."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from ase import Atoms

from beamheat_fw.campaign import GpawSettings
from beamheat_fw.physics.labels.k_points import irreducible_k_points

#: Domains of 1.1 to 2.4 Å were as fast as bands (docs/measurements.md); thinner ones were not tried.
_MIN_DOMAIN_A = 1.5
#: Ranks that share k-points may idle for this share of their time, not more.
_MOST_IDLE = 0.2
#: Matrices with more rows than this are worth spreading over ranks; GPAW draws the same line for plane waves.
_ROWS_OF_ONE_RANK = 1000
#: Beyond these the plane waves of one band are too few to be cut further.
_MOST_PW_DOMAINS = 16
#: Basis functions of an atom, without and with a filled d shell of its own: s and p, or s and d.
_MINIMAL_MAIN_GROUP, _MINIMAL_METAL = 4, 6

Cut = tuple[int, int, int]


@dataclass(frozen=True)
class GpawNumerics:
    """How GPAW gets to the ground state.

    Attributes
    ----------
    maxiter : int
        SCF iterations allowed.
    mixer : dict, optional
        GPAW's mixer; its own choice by default.
    eigensolver : str or dict, optional
        GPAW's eigensolver; its own choice by default.
    parallel : dict, optional
        GPAW's parallel layout; that of `parallel_layout` by default.
    random_start : bool
        Whether wave functions start from random numbers (plane waves only) rather than from atomic orbitals.
    """

    maxiter: int
    mixer: dict[str, Any] | None = None
    eigensolver: dict[str, Any] | None = None
    parallel: dict[str, Any] | None = None
    random_start: bool = False


def grid_points(atoms: Atoms, h_A: float) -> tuple[int, int, int]:
    """Return the coarsest grid of even numbers whose planes are nowhere farther apart than `h_A`.

    GPAW's own rule takes the multiple of four nearest to `h_A`, so that a cell a little shorter or longer has
    a grid up to 17 % coarser than asked for; and the noise of forces grows steeply with the spacing.
    """
    heights_A = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    n1, n2, n3 = 2 * np.ceil(heights_A / (2 * h_A) - 1e-9).astype(int)
    return int(n1), int(n2), int(n3)


@dataclass(frozen=True)
class Layout:
    """How the ranks of one calculation share it.

    Attributes
    ----------
    kpt : int
        Groups of ranks, each with k-points of its own.
    domain : int or tuple of 3 int
        Ranks of a group that share the cell (LCAO: a cut along each axis) or the plane waves.
    band : int
        Ranks that share the bands and, in LCAO, the rows of the matrices, which ScaLAPACK then diagonalises.
    """

    kpt: int
    domain: int | Cut
    band: int

    def parallel(self) -> dict[str, Any]:
        """Return GPAW's `parallel`."""
        return {"kpt": self.kpt, "domain": self.domain, "band": self.band}


def parallel_layout(atoms: Atoms, settings: GpawSettings, ranks: int) -> Layout:
    """Return how `ranks` ranks share a structure.

    1. K-points first, since they hardly speak to each other: as many groups as leave no rank idle for more
       than a fifth of its time.
    2. LCAO: the ranks of a group cut the cell into domains of 1.5 Å or more. Each rank works on the atoms of
       its own domain, and a support below vacuum, cut along z as GPAW would do by itself, leaves half of the
       ranks without atoms. Of all cuts the one is taken whose busiest rank has the least to do.
       Plane waves: up to 16 ranks share the coefficients.
    3. Ranks that are left, and in LCAO so many that none has more than 1000 rows of a matrix, go to bands.
       Domains come first even in the smallest cells: they are as fast, and all ranks hold the same numbers,
       whereas ranks that share k-points or bands each mix and solve for a whole density of their own, and
       Pulay's mixing magnifies what rounding makes of it (`gpaw_convergence`).

    ``sl_auto`` is not among it: GPAW 26.7 takes the key and does not read it. In LCAO mode the ranks of
    `band` are ScaLAPACK's; with plane waves GPAW itself calls it beyond 1000 bands.
    """
    kpt = _shared(irreducible_k_points(settings.kpts), ranks)
    group = ranks // kpt
    if settings.mode == "pw":
        domain = max(n for n in _divisors(group) if n <= _MOST_PW_DOMAINS)
        return Layout(kpt, domain, group // domain)
    most = group // _least_bands(basis_functions(atoms, settings.basis), group)
    cuts = [cut for n in _divisors(group) if n <= most for cut in _allowed_cuts(atoms, n)]
    size = max(prod(cut) for cut in cuts)
    best = min(
        (cut for cut in cuts if prod(cut) == size),
        key=lambda cut: (_busiest(atoms, cut), -_narrowest_A(atoms, cut)),
    )
    return Layout(kpt, best, group // size)


def basis_functions(atoms: Atoms, basis: str) -> int:
    """Estimate the rows of an LCAO matrix from the letters of its basis: ``sz``, ``dzp`` ..."""
    name = basis.split("(")[0].lower()
    zetas = next((n for n, letter in enumerate("sdtq", start=1) if name.startswith(f"{letter}z")), 2)
    metal = _has_d_shell(atoms.numbers)
    minimal = np.where(metal, _MINIMAL_METAL, _MINIMAL_MAIN_GROUP)
    # One more shell: d on an atom of s and p, p on one of s and d.
    polarisation = np.where(metal, 3, 5) if name.endswith("p") else 0
    return int((zetas * minimal + polarisation).sum())


def _has_d_shell(numbers: np.ndarray) -> np.ndarray:
    return np.any(
        [(numbers >= low) & (numbers <= high) for low, high in ((21, 30), (39, 48), (57, 80))], axis=0
    )


def _shared(k_points: int, ranks: int) -> int:
    """Return the most groups of ranks that k-points keep busy."""

    def busy(groups: int) -> float:
        return k_points / (groups * -(-k_points // groups))

    return max(n for n in _divisors(ranks) if n <= k_points and busy(n) >= 1.0 - _MOST_IDLE)


def _least_bands(rows: int, ranks: int) -> int:
    """Return the fewest ranks over which no one has too many rows of a matrix."""
    return next((n for n in _divisors(ranks) if rows <= n * _ROWS_OF_ONE_RANK), ranks)


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def _allowed_cuts(atoms: Atoms, domains: int) -> list[Cut]:
    """Return the cuts into so many domains that are not too thin; no cut is always allowed."""
    cuts = [(i, j, domains // (i * j)) for i in _divisors(domains) for j in _divisors(domains // i)]
    return [cut for cut in cuts if domains == 1 or _narrowest_A(atoms, cut) >= _MIN_DOMAIN_A]


def _narrowest_A(atoms: Atoms, cut: Cut) -> float:
    return float((np.array(atoms.cell.lengths()) / cut).min())


def _busiest(atoms: Atoms, cut: Cut) -> float:
    """Return the work of the rank with most of it; an atom's radial grid grows about as sqrt(Z)."""
    domain = np.floor(atoms.get_scaled_positions() % 1.0 % 1.0 * cut).astype(int)
    work = np.bincount(domain @ [cut[1] * cut[2], cut[2], 1], weights=np.sqrt(atoms.numbers))
    return float(work.max())
