"""One rate, or one value, from several potentials: runs within members, members within the committee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.physics.interface.rate_likelihood import RateLikelihood, join

#: Scale of the half-normal prior of the members' relative spread: members trained on one data set are
#: expected to differ by a few tens of percent at most. It matters where there are two or three members.
SPREAD_PRIOR: Final = 0.2
_SPREADS: Final = np.linspace(0.0, 3.0 * SPREAD_PRIOR, 25)
_MOST_POINTS: Final = 1200


@dataclass(frozen=True)
class PooledRate:
    """A rate common to several potentials.

    Attributes
    ----------
    rate_per_ps : float
    statistical_per_ps : tuple of float
        The 68 % interval if all potentials were one.
    total_per_ps : tuple of float
        The 68 % interval of the mean over potentials like these; the same where there is only one.
    member_spread : float or None
        The relative standard deviation between potentials (its posterior mean); None for one potential.
    """

    rate_per_ps: float
    statistical_per_ps: tuple[float, float]
    total_per_ps: tuple[float, float]
    member_spread: float | None


def pool(members: Mapping[str, RateLikelihood]) -> PooledRate:
    """Pool the likelihoods of several potentials in a random-effects model.

    Each potential has a rate of its own, normally distributed about the common one with a relative standard
    deviation s; the marginal likelihood of the common rate is integrated over the members' rates and over s
    with a half-normal prior. Members that disagree widen the interval, members that agree hardly do.

    Parameters
    ----------
    members : mapping of str to RateLikelihood
        One joint likelihood for each potential, all on one grid.
    """
    joint = join(list(members.values()))
    best, statistical = joint.bias_reduced.best_per_ps, joint.interval_per_ps()
    if len(members) < 2:
        return PooledRate(best, statistical, statistical, None)
    rates = _dense_rates(list(members.values()), joint)
    table = _marginal_table(rates, [member.at(rates) for member in members.values()], best)
    weights = np.exp(-0.5 * (_SPREADS / SPREAD_PRIOR) ** 2)[:, None] * np.exp(table - table.max())
    spread = float((_SPREADS[:, None] * weights).sum() / weights.sum())
    with np.errstate(divide="ignore"):
        marginal = np.maximum(np.log(weights.sum(axis=0)), -700.0)
    pooled = RateLikelihood(rates, marginal, joint.duration_ps)
    return PooledRate(pooled.bias_reduced.best_per_ps, statistical, pooled.interval_per_ps(), spread)


@dataclass(frozen=True)
class PooledValue:
    """A value common to several potentials.

    Attributes
    ----------
    value : float
    statistical : float
        Its standard error if all potentials were one.
    total : float
        Its standard error as the mean over potentials like these; the same where there is only one.
    member_spread : float or None
        As in `PooledRate`.
    """

    value: float
    statistical: float
    total: float
    member_spread: float | None


def pool_values(values: NDArray[np.float64], covariance: NDArray[np.float64]) -> PooledValue:
    """Pool normally distributed values of several potentials in the random-effects model of `pool`.

    For a spread s the values have the covariance C + (s G)^2 1; the common value is integrated out with a
    flat prior, s with the half-normal one.

    Parameters
    ----------
    values : ndarray of float, shape (M,)
    covariance : ndarray of float, shape (M, M)
        Of their statistical errors.
    """
    ones = np.ones(len(values))

    def common(spread: float) -> tuple[float, float, float]:
        """Return value, variance and log-evidence for one spread."""
        whole = covariance + np.diag((spread * values.mean() * ones) ** 2)
        inverse = np.linalg.inv(whole)
        variance = 1.0 / float(ones @ inverse @ ones)
        value = variance * float(ones @ inverse @ values)
        misfit = float((values - value) @ inverse @ (values - value))
        log_evidence = 0.5 * (np.log(variance) - np.linalg.slogdet(whole)[1] - misfit)
        return value, variance, log_evidence - 0.5 * (spread / SPREAD_PRIOR) ** 2

    statistical = common(0.0)
    if len(values) < 2:
        return PooledValue(statistical[0], statistical[1] ** 0.5, statistical[1] ** 0.5, None)
    found = np.array([common(spread) for spread in _SPREADS])
    weights = np.exp(found[:, 2] - found[:, 2].max())
    weights /= weights.sum()
    value = float(weights @ found[:, 0])
    variance = float(weights @ (found[:, 1] + (found[:, 0] - value) ** 2))
    return PooledValue(value, statistical[1] ** 0.5, variance**0.5, float(weights @ _SPREADS))


def _dense_rates(members: list[RateLikelihood], joint: RateLikelihood) -> NDArray[np.float64]:
    """Return equally spaced rates from zero to beyond all likely ones, finer than the joint error."""
    last = float(joint.rates_per_ps[-1])
    top = min(last, 1.5 * max(min(member.interval_per_ps(8.0)[1], last) for member in members))
    low, high = joint.interval_per_ps()
    points = int(np.clip(top / max(min(high, last) - low, 1e-12) * 10, 300, _MOST_POINTS))
    return np.linspace(0.0, top, points)


def _marginal_table(
    rates: NDArray[np.float64], logs: list[NDArray[np.float64]], scale_per_ps: float
) -> NDArray[np.float64]:
    """Return the log-likelihood of (spread, common rate), the members' own rates integrated out."""
    table = np.zeros((len(_SPREADS), len(rates)))
    for row, spread in enumerate(_SPREADS):
        kernel = None
        if spread * scale_per_ps > rates[1]:
            kernel = np.exp(-0.5 * ((rates[:, None] - rates[None, :]) / (spread * scale_per_ps)) ** 2)
            kernel /= kernel.sum(axis=1, keepdims=True)
        for log in logs:
            if kernel is None:
                table[row] += log
            else:
                table[row] += np.log(np.maximum(kernel @ np.exp(log - log.max()), 1e-300)) + log.max()
    return table
