"""How fast a hot particle and its support come to one temperature: the rate, from one or several runs.

The model and its noise are those of `two_body_filter`; here the blocks are cut, the fast noise is measured,
and the likelihood over the rate alone is tabulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import CalculationError
from beamheat_fw.physics.interface.least_squares import integral_rate
from beamheat_fw.physics.interface.rate_likelihood import RateLikelihood, join
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.two_body_filter import TwoBodies, log_likelihood

#: Usual correlation time of the kinetic energy inside a metal body, in ps; where the search for it starts.
USUAL_TAU_FAST_PS: Final = 0.15
#: Factor by which it is expected to differ from that; keeps one short run from taking it for anything.
TAU_FAST_FACTOR: Final = 2.0
#: Blocks in one relaxation time.
BLOCKS_PER_TAU: Final = 20
_GRID_DROP: Final = 12.0
_GRID_POINTS: Final = 241


@dataclass(frozen=True)
class RelaxationFit:
    """What several runs say about their common rate.

    Attributes
    ----------
    runs : tuple of RateLikelihood
        One for each series, on one grid of rates.
    blocks_K : tuple of pairs of ndarray of float, shape (n_blocks,)
        Block averages of the temperatures of particle and support, one pair for each series.
    block_ps : float
        Length of the blocks.
    tau_fast_ps : float
        Correlation time of the fast kinetic fluctuations, as measured.
    """

    runs: tuple[RateLikelihood, ...]
    blocks_K: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    block_ps: float
    tau_fast_ps: float

    @property
    def joint(self) -> RateLikelihood:
        """The likelihood of all runs together."""
        return join(self.runs)


def fit(
    runs: Sequence[TemperatureSeries],
    bodies: TwoBodies,
    pilot_per_ps: float | None = None,
    blocks_per_tau: int = BLOCKS_PER_TAU,
) -> RelaxationFit:
    """Find the likelihood of the rate 1/tau from one or several relaxations.

    Parameters
    ----------
    runs : sequence of TemperatureSeries
        Independent runs of one system at one temperature, all hot or all cold.
    bodies : TwoBodies
    pilot_per_ps : float, optional
        A rough rate, where the runs do not show it by decaying.
    blocks_per_tau : int
        How finely the series are cut.

    Raises
    ------
    CalculationError
        The series determine no rate: they are too short or sampled too coarsely.
    """
    pilot = pilot_per_ps or _pilot_rate(runs)
    blocks, block_ps = _blocks(runs, pilot, blocks_per_tau)
    rates = np.geomspace(pilot / 20, pilot * 20, 41)
    tau_fast = _measure_tau_fast(blocks, bodies, block_ps, rates)
    grid = _grid(blocks, bodies, block_ps, tau_fast, rates)
    tables = tuple(
        RateLikelihood(grid, log_likelihood(pair, bodies, block_ps, grid, tau_fast), run.duration_ps)
        for pair, run in zip(blocks, runs, strict=True)
    )
    return RelaxationFit(tables, tuple(blocks), block_ps, tau_fast)


def _pilot_rate(runs: Sequence[TemperatureSeries]) -> float:
    """Return a rough common rate: the integral relation on the mean of all runs."""
    length = min(len(run.time_ps) for run in runs)
    sign = np.sign([run.difference_K[: max(1, length // 10)].mean() for run in runs])
    mean = np.mean([s * run.difference_K[:length] for s, run in zip(sign, runs, strict=True)], axis=0)
    time = runs[0].time_ps[:length] - runs[0].time_ps[0]
    rate = integral_rate(time, mean)
    return float(np.clip(rate, 0.05 / time[-1], 1.0 / (3.0 * runs[0].interval_ps)))


def _blocks(
    runs: Sequence[TemperatureSeries], rate_per_ps: float, blocks_per_tau: int
) -> tuple[list[tuple[NDArray[np.float64], NDArray[np.float64]]], float]:
    shortest = min(run.duration_ps for run in runs)
    wished = min(1.0 / (blocks_per_tau * rate_per_ps), shortest / blocks_per_tau)
    wished = max(wished, USUAL_TAU_FAST_PS)
    interval = runs[0].interval_ps
    length_ps = max(1, round(wished / interval)) * interval
    if shortest / length_ps < 5:
        raise CalculationError(
            "The series are too short to see heat pass the interface",
            f"Run at least {10 * length_ps:.3g} ps.",
            {"duration_ps": shortest, "block_ps": length_ps},
        )
    return [
        (run.blocks("T_particle_K", length_ps), run.blocks("T_support_K", length_ps)) for run in runs
    ], length_ps


def _measure_tau_fast(
    blocks: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    bodies: TwoBodies,
    block_ps: float,
    rates: NDArray[np.float64],
) -> float:
    """Return the tau_fast at the maximum over the rate and itself, weighted towards the usual one."""

    def table(rates_per_ps: NDArray[np.float64], tau_fast_ps: NDArray[np.float64]) -> NDArray[np.float64]:
        prior = -0.5 * (np.log(tau_fast_ps / USUAL_TAU_FAST_PS) / np.log(TAU_FAST_FACTOR)) ** 2
        pairs = [
            log_likelihood(pair, bodies, block_ps, rates_per_ps[:, None], tau_fast_ps) for pair in blocks
        ]
        return np.sum(pairs, axis=0) + prior

    coarse = USUAL_TAU_FAST_PS * np.geomspace(1e-2, 30.0, 17)
    found = table(rates, coarse)
    at_rate, at_fast = np.unravel_index(int(np.argmax(found)), found.shape)
    fine = coarse[at_fast] * np.geomspace(coarse[0] / coarse[1], coarse[1] / coarse[0], 15)
    found = table(rates[max(at_rate - 2, 0) : at_rate + 3], fine)
    return float(fine[np.unravel_index(int(np.argmax(found)), found.shape)[1]])


def _grid(
    blocks: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    bodies: TwoBodies,
    block_ps: float,
    tau_fast_ps: float,
    rates: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return rates from zero to where every single run, and all together, have become very unlikely."""
    tables = np.array([log_likelihood(pair, bodies, block_ps, rates, tau_fast_ps) for pair in blocks])
    likely = (tables > tables.max(axis=1, keepdims=True) - _GRID_DROP).any(axis=0)
    top = min(float(rates[likely].max()) * (rates[1] / rates[0]), 4.0 / block_ps)
    return top * np.linspace(0.0, 1.0, _GRID_POINTS) ** 2
