"""How many k-points a calculation is about."""

from __future__ import annotations

from math import prod


def irreducible_k_points(kpts: tuple[int, int, int]) -> int:
    """Return how many points of a Gamma-centred grid are left when k and -k are one."""
    own_negative = prod(2 - n % 2 for n in kpts)
    return (prod(kpts) + own_negative) // 2
