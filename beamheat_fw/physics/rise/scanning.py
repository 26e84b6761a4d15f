"""A beam that is on the particle only for a part of the time: a scanned probe, or a pulsed beam."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.energy_loss import EnergyLoss
from beamheat_fw.physics.rise.heat_flow import HeatFlow, RiseParts, rise_parts
from beamheat_fw.physics.rise.temperature import pulsed_extremes_K

_PS_PER_US = 1e6


@dataclass(frozen=True)
class Visits:
    """When the beam is on the particle.

    Attributes
    ----------
    dwell_time_us : float
        How long it stays on the particle each time.
    frame_time_us : float
        How long until it comes back, the dwell included.

    Raises
    ------
    InputError
        The dwell is not above zero, or longer than the frame.
    """

    dwell_time_us: float
    frame_time_us: float

    def __post_init__(self) -> None:
        if not 0.0 < self.dwell_time_us <= self.frame_time_us < math.inf:
            raise InputError(
                "The beam's dwell on the particle is not above zero, or longer than the frame",
                "Give the time that the beam is on the particle and the time until it comes back, or the "
                "duty cycle from 0 to 1.",
                asdict(self),
            )

    @property
    def duty_cycle(self) -> float:
        """The share of the time that the beam is on the particle."""
        return self.dwell_time_us / self.frame_time_us


@dataclass(frozen=True)
class Transient:
    """The rise under a beam that comes and goes, once the cycle repeats itself.

    Attributes
    ----------
    tau_ps : float
        The particle's cooling time.
    duty_cycle, dwell_time_us, frame_time_us : float
    held_K : float
        The steady rise under the same beam held on the particle.
    peak_K, trough_K : float
        The highest and lowest rise in a cycle.
    mean_K : float
        Over a cycle.
    """

    tau_ps: float
    duty_cycle: float
    dwell_time_us: float
    frame_time_us: float
    held_K: float
    peak_K: float
    trough_K: float
    mean_K: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def scanned_share(scan_area_nm2: float, particle_area_nm2: float) -> float:
    """Return the share of the time that a scanned probe is on the particle: that of the areas, at most 1."""
    return min(particle_area_nm2 / scan_area_nm2, 1.0)


def transient(
    flow: HeatFlow, loss: EnergyLoss, cooling_time_ps: float, visits: Visits, averaged: bool
) -> Transient:
    """Return the extremes of the rise under a beam that comes and goes.

    Parameters
    ----------
    flow : HeatFlow
    loss : EnergyLoss
    cooling_time_ps : float
        tau, of `predicting.predict`.
    visits : Visits
    averaged : bool
        Whether the flow's dose rate is the mean over a frame, as that of a current over a scanned area is,
        rather than the one while the beam is on the particle.

    Notes
    -----
    `temperature.pulsed_extremes_K`. The support follows the particle's power as fast as the particle does. A
    scanned probe leaves the same power in the support wherever it is: that part of the rise stays. The lines
    of a scan that cross the particle count as one visit.
    """
    held = _steady(flow, loss, 1.0 / visits.duty_cycle if averaged else 1.0)
    varying_K = float(held.total_K)
    lasting_K = 0.0
    if averaged:
        varying_K -= float(held.support_beam_K)
        lasting_K = float(_steady(flow, loss, 1.0).support_beam_K)
    peak_K, trough_K = pulsed_extremes_K(
        varying_K, cooling_time_ps, visits.dwell_time_us * _PS_PER_US, visits.frame_time_us * _PS_PER_US
    )
    return Transient(
        cooling_time_ps,
        visits.duty_cycle,
        visits.dwell_time_us,
        visits.frame_time_us,
        lasting_K + varying_K,
        lasting_K + float(peak_K),
        lasting_K + float(trough_K),
        lasting_K + varying_K * visits.duty_cycle,
    )


def _steady(flow: HeatFlow, loss: EnergyLoss, times: float) -> RiseParts:
    beam = replace(flow.beam, dose_rate_e_A2_s=flow.beam.dose_rate_e_A2_s.scaled(times))
    moved = replace(flow, beam=beam)
    return rise_parts(moved, {name: given.value for name, given in moved.inputs(loss.dE_dx_eV_nm).items()})
