"""Lattice constants of the fcc metals."""

from __future__ import annotations

from typing import Any

from ase.data import atomic_numbers, reference_states

from beamheat_fw.errors import InputError


def fcc_constant_A(element: str) -> float:
    """Return the cubic lattice constant that ASE tabulates for an fcc metal (Au 4.08, Cu 3.61 Å).

    Raises
    ------
    InputError
        The element is not fcc at normal conditions.
    """
    state: dict[str, Any] = reference_states[atomic_numbers[element]] or {}
    if state.get("symmetry") != "fcc":
        raise InputError(
            "No fcc lattice constant is tabulated for the element",
            "Give lattice_constant_A of a particle, or a_A of a support.",
            {"element": element},
        )
    return float(state["a"])
