"""What labels of a reference cost before any was made: one that was timed, scaled by readings beside it."""

from __future__ import annotations

from beamheat_fw.campaign import GpawSettings, ReferenceSettings, SevennSettings
from beamheat_fw.physics.labels.k_points import irreducible_k_points
from beamheat_fw.physics.labels.label_cost import LabelCost

#: Core seconds of Au10 on 4x4 hBN (42 atoms), LCAO sz(dzp) at h 0.22 Å, on two ranks of a 2.5 GHz Xeon.
_CORE_S_TIMED = 10.6
#: The larger basis took 11 s instead of 6 s for 22 atoms. By the readings for 21 atoms of gold on hBN in
#: docs/measurements.md: the power of the grid spacing, potentials by plane waves, and plane waves of 400 eV
#: with the power of their cutoff.
_DZP, _GRID_POWER, _FOURIER = 1.8, 2.4, 1.55
_PW_400_EV, _CUTOFF_POWER = 3.2, 1.0
_TIMED_H_A = 0.22
#: The same structure by a foundation model and by effective medium theory, in one process.
_CORE_S_SEVENN, _CORE_S_EMT = 0.5, 0.02


def prior_cost(reference: ReferenceSettings) -> LabelCost:
    """Return the cost of a reference's labels, good to a factor of three."""
    if not isinstance(reference, GpawSettings):
        return LabelCost(_CORE_S_SEVENN if isinstance(reference, SevennSettings) else _CORE_S_EMT)
    return LabelCost(_CORE_S_TIMED * irreducible_k_points(reference.kpts) * _mode(reference))


def _mode(reference: GpawSettings) -> float:
    if reference.mode == "pw":
        return _PW_400_EV * (reference.cutoff_eV / 400.0) ** _CUTOFF_POWER
    basis = 1.0 if reference.basis.startswith("sz") else _DZP
    potential = _FOURIER if reference.potential == "fourier" else 1.0
    return basis * potential * (_TIMED_H_A / reference.h_A) ** _GRID_POWER
