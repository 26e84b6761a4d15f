"""Whether the heat that one body loses is the heat that the other gains.

Two bodies alone keep C_p T_p + C_s T_s. Where that sum grows, potential energy turns into heat: the start
structure still relaxes, or the potential has it fall into a hole. Such heat did not cross the interface, and
a conductance read from these temperatures counts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.two_body_filter import TwoBodies

#: Significance and share of the exchanged heat from which on a member's balance counts as open; the share
#: covers heat capacities that are 3 k_B an atom and truly some ten percent more.
OPEN_SIGMA: Final = 3.0
OPEN_SHARE: Final = 0.2


@dataclass(frozen=True)
class HeatBalance:
    """The heat of both bodies, from the first to the last third of one member's runs.

    Attributes
    ----------
    member : str
    gained_eV, error_eV : float
        Heat that both bodies together gained, mean of the runs, and its standard error by the fast kinetic
        noise.
    passed_eV : float
        Heat that the particle gave away (or took, if it started cold) meanwhile, mean of the runs.
    """

    member: str
    gained_eV: float
    error_eV: float
    passed_eV: float

    @property
    def share(self) -> float:
        """The heat gained over the heat passed."""
        return abs(self.gained_eV) / max(abs(self.passed_eV), 1e-12)

    @property
    def is_closed(self) -> bool:
        """Whether what is gained may be noise, or little against what passed."""
        return abs(self.gained_eV) <= OPEN_SIGMA * self.error_eV or self.share <= OPEN_SHARE

    def to_dict(self) -> dict[str, Any]:
        """Return the balance as plain data."""
        return {**asdict(self), "is_closed": self.is_closed}


def heat_balances(
    runs: Sequence[TemperatureSeries], bodies: TwoBodies, tau_fast_ps: float
) -> tuple[HeatBalance, ...]:
    """Balance the heat of every member's runs; none where the support is an infinite bath.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        NVE runs.
    bodies : TwoBodies
    tau_fast_ps : float
        Correlation time of the kinetic noise inside the bodies.
    """
    if not np.isfinite(bodies.C_support_eV_per_K):
        return ()
    members = dict.fromkeys(run.member for run in runs)
    return tuple(
        _balance(member, [run for run in runs if run.member == member], bodies, tau_fast_ps)
        for member in members
    )


def imbalance(balances: Sequence[HeatBalance]) -> list[str]:
    """Return a warning of the balances that are open, in a list that is empty where there is none."""
    still_open = [balance for balance in balances if not balance.is_closed]
    if not still_open:
        return []
    worst = max(still_open, key=lambda balance: abs(balance.gained_eV))
    return [
        f"heat does not balance for {len(still_open)} of {len(balances)} potentials: both bodies together "
        f"gain up to {worst.gained_eV:+.2g} eV, where the particle cooled or warmed by "
        f"{abs(worst.passed_eV):.2g} eV. A structure that still relaxes turns potential energy into heat, "
        "which did not cross the interface: anneal or equilibrate longer, or train further"
    ]


def _balance(
    member: str, runs: Sequence[TemperatureSeries], bodies: TwoBodies, tau_fast_ps: float
) -> HeatBalance:
    capacities = np.array([bodies.C_particle_eV_per_K, bodies.C_support_eV_per_K])
    changes_eV, variances_eV2 = [], []
    for run in runs:
        third = len(run.time_ps) // 3
        temperatures_K = np.array([run.T_particle_K, run.T_support_K])
        first, last = temperatures_K[:, :third].mean(axis=1), temperatures_K[:, -third:].mean(axis=1)
        noise = 2.0 * tau_fast_ps / (third * run.interval_ps) * np.array(bodies.fast_variances)
        changes_eV.append(capacities * (last - first))
        variances_eV2.append(float(np.sum(capacities**2 * noise * (first**2 + last**2))))
    mean = np.mean(changes_eV, axis=0)
    return HeatBalance(
        member,
        gained_eV=float(mean.sum()),
        error_eV=float(np.sqrt(np.sum(variances_eV2)) / len(runs)),
        passed_eV=float(-mean[0]),
    )
