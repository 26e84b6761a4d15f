"""What is predicted of a particle under the beam: its temperature rise, with error, bounds and warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from beamheat_fw.physics.rise.error_budget import Propagated
from beamheat_fw.physics.rise.heat_flow import RiseParts
from beamheat_fw.physics.rise.measured import Measured


@dataclass(frozen=True)
class Prediction:
    """How hot the particle gets.

    Attributes
    ----------
    power_nW : Measured
        Left in the particle.
    power_support_nW : float or None
        Left in the support by the same beam; None where material, thickness or the beam's size is unknown.
    delta_T_K : Propagated
        The particle above ambient, its interval and its budget by cause.
    systematics_K : dict of str to float
        What the rise's value leaves out, by cause: ``electron_phonon`` where it is not counted and the
        metal's coupling is known. The upper end holds it where the interface says so
        (`electron_phonon.bound`).
    parts : RiseParts
        Where the rise comes about.
    bounds_K : dict of str to float
        The rise from the energy loss given (``eels``), from the stopping power restricted to secondaries that
        stay in a particle of its size (``central``), and from the whole collision stopping power
        (``stopping_power``).
    cooling_time_ps, events_per_tau, kick_K : float
        The time the particle takes to cool, the inelastic events in it, and what one mean event heats the
        particle by.
    warnings : tuple of str
    """

    power_nW: Measured
    power_support_nW: float | None
    delta_T_K: Propagated
    systematics_K: dict[str, float]
    parts: RiseParts
    bounds_K: dict[str, float]
    cooling_time_ps: float
    events_per_tau: float
    kick_K: float
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; an unbounded upper end is None."""
        rise = self.delta_T_K
        upper = float(rise.upper)
        return {
            "power_nW": {"value": self.power_nW.value, "error": self.power_nW.error},
            "power_support_nW": self.power_support_nW,
            "delta_T_K": {
                "value": float(rise.value),
                "error": float(rise.error),
                "lower": float(rise.lower),
                "upper": upper if np.isfinite(upper) else None,
            },
            "bounds_K": dict(self.bounds_K),
            "delta_T_support_K": float(self.parts.support_K),
            "parts_K": {
                "interface": float(self.parts.interface_K),
                "electron_phonon": float(self.parts.electron_phonon_K),
                "support_spreading": float(self.parts.spreading_K),
                "support_beam": float(self.parts.support_beam_K),
            },
            "cooling_time_ps": self.cooling_time_ps,
            "events_per_tau": self.events_per_tau,
            "kick_K": self.kick_K,
            "budget": {cause: float(share) for cause, share in rise.budget.items()},
            "systematics_K": dict(self.systematics_K),
            "warnings": list(self.warnings),
        }
