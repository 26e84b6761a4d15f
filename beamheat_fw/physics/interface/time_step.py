"""What a finite time step does to kinetic temperatures at constant energy.

Velocity Verlet conserves a shadow of the energy, H + dt^2 (p V'' p/(12 m^2) - F^2/(24 m)) + O(dt^4) [1]_, and
it is by the shadow that motions come to equilibrium. Its equipartition, <p dH/dp> = k_B T, with
<V''> k_B T = <F^2>, says of each degree of freedom

    k_B T = <m v^2> + (dt^2/6) <F^2/m>:

a body whose atoms vibrate faster looks colder than one that is as warm, copper beside gold by 3 K of 300 K at
8 fs. The difference of two bodies that come to one temperature then ends elsewhere than at zero, and seems
to be slower from one side and faster from the other. (Langevin dynamics of the form OBABO holds <m v^2>
itself at k_B T.)

References
----------
.. [1] E. Hairer, C. Lubich, G. Wanner, Acta Numerica 12, 399 (2003), section 3.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.series import TemperatureSeries


def mean_square_frequency(
    forces: NDArray[np.float64], velocities: NDArray[np.float64], masses: NDArray[np.float64]
) -> float:
    """Return <F^2/m>/<m v^2>, the mean square frequency of vibrations, in any units that fit together.

    Parameters
    ----------
    forces, velocities : ndarray of float, shape (n, N, c)
        Of the N atoms of the body at n times, c components each.
    masses : ndarray of float, shape (N,)
    """
    return float(np.sum(forces**2 / masses[:, None]) / np.sum(masses[:, None] * velocities**2))


def temperature_factor(mean_square_frequency_per_ps2: float, timestep_fs: float) -> float:
    """Return a body's temperature over its kinetic one at whole steps of velocity Verlet: 1 + <w^2> dt^2/6.

    Parameters
    ----------
    mean_square_frequency_per_ps2 : float
        <w^2>, w angular.
    timestep_fs : float

    Raises
    ------
    InputError
        The step is too long for the expansion: the next term would be above a thousandth.
    """
    square = mean_square_frequency_per_ps2 * (timestep_fs * 1e-3) ** 2
    if not 0.0 <= square < 0.17:
        raise InputError(
            "The time step is too long for these vibrations",
            "Shorten it until a period of the mean square frequency takes sixteen steps.",
            {"timestep_fs": timestep_fs, "mean_square_frequency_per_ps2": mean_square_frequency_per_ps2},
        )
    return 1.0 + square / 6.0


def corrected(series: TemperatureSeries, particle_factor: float, support_factor: float) -> TemperatureSeries:
    """Return a series at constant energy with the bodies' temperatures in place of kinetic ones."""
    return replace(
        series,
        T_particle_K=particle_factor * series.T_particle_K,
        T_support_K=support_factor * series.T_support_K,
    )
