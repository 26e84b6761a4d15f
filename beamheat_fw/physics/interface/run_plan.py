"""How many runs an asked error needs, before any of them is run."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, sqrt
from typing import Any

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K


@dataclass(frozen=True)
class RunPlan:
    """What it takes to know a conductance to a given relative error.

    Attributes
    ----------
    relative_error_of_one_run : float
        The thermal noise of one run; no analysis goes below.
    seeds : int
        Runs needed, of all potentials together.
    seeds_per_member : int
    expected_error : float
        Relative error of that many runs, the potentials' spread included.
    reachable : bool
        False where the spread between so few potentials alone exceeds the error asked for; `seeds` then
        makes the thermal noise as large as the spread's contribution.
    """

    relative_error_of_one_run: float
    seeds: int
    seeds_per_member: int
    expected_error: float
    reachable: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return dict(vars(self))


def one_run_error(
    bodies: TwoBodies, T_particle_K: float, T_support_K: float, runs_in_tau: float = 1.5
) -> float:
    """Return the least relative error of G that one relaxation can have.

    For dx = -x dt/tau + sqrt(2 s^2/tau) dW from x(0), with s^2 = k_B T_p T_s (1/C_p + 1/C_s), the Fisher
    information of the drift gives sigma_G/G = 2 s/(|x(0)| sqrt(1 - exp(-2 t/tau))); with 3 k_B an atom and
    a large support that is 1.15 (T/|x(0)|)/sqrt(N).

    Parameters
    ----------
    bodies : TwoBodies
    T_particle_K, T_support_K : float
        At the start.
    runs_in_tau : float
        Length of the run over tau.
    """
    difference = abs(T_particle_K - T_support_K)
    if difference == 0 or min(T_particle_K, T_support_K, runs_in_tau) <= 0:
        raise InputError(
            "Nothing relaxes between equal temperatures",
            "Start the particle hotter or colder than the support, in K, and run for a positive time.",
            {"T_particle_K": T_particle_K, "T_support_K": T_support_K, "runs_in_tau": runs_in_tau},
        )
    variance = BOLTZMANN_EV_PER_K * T_particle_K * T_support_K / bodies.C_reduced_eV_per_K
    return 2.0 * sqrt(variance) / difference / sqrt(1.0 - exp(-2.0 * runs_in_tau))


def plan_runs(
    asked_error: float, error_of_one_run: float, members: int = 1, member_spread: float = 0.0
) -> RunPlan:
    """Return how many seeds an asked relative error needs.

    Parameters
    ----------
    asked_error : float
        Relative, such as 0.1.
    error_of_one_run : float
        From `one_run_error`, or from earlier runs.
    members : int
        Potentials that share the runs.
    member_spread : float
        Relative standard deviation of G between potentials, where known.
    """
    if not 0 < asked_error < 1 or members < 1:
        raise InputError(
            "The error asked for must be a share between 0 and 1, of at least one potential",
            "Ask for 0.1 to mean 10 %.",
            {"asked_error": asked_error, "members": members},
        )
    from_members = member_spread / sqrt(members)
    reachable = from_members < asked_error
    left = sqrt(asked_error**2 - from_members**2) if reachable else from_members
    per_member = max(1, ceil(ceil((error_of_one_run / left) ** 2 - 1e-9) / members))
    seeds = per_member * members
    expected = sqrt(error_of_one_run**2 / seeds + from_members**2)
    return RunPlan(error_of_one_run, seeds, per_member, expected, reachable)
