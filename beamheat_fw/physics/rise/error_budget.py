"""Errors carried from inputs to a result, and which cause gives which share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Uncertain(Protocol):
    """A value, or an array of values, with its interval and the named parts of its error."""

    @property
    def value(self) -> Any:
        """The best estimate."""

    @property
    def interval(self) -> tuple[Any, Any]:
        """Ends of the 68 % interval."""

    def shares(self, name: str) -> tuple[tuple[str, Any], ...]:
        """Return the causes of the error, under `name` where they are not told apart."""


Model = Callable[[Mapping[str, Any]], ArrayLike]
_RELATIVE_STEP = 1e-4


@dataclass(frozen=True)
class Propagated:
    """A result with its error and where the error comes from.

    Attributes
    ----------
    value, error : array, any shape
        The result and its standard error, to first order in the errors of the inputs.
    lower, upper : array, same shape
        The 68 % interval: one input at a time moved to the ends of its own interval, the deviations added in
        quadrature on either side. `upper` is infinite where an input's interval reaches a value at which the
        result has no bound.
    budget : dict of str to array
        Share of the first-order variance by cause; the shares sum to one where there is any error.
    """

    value: NDArray[np.float64]
    error: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    budget: dict[str, NDArray[np.float64]]


def propagate(model: Model, inputs: Mapping[str, Uncertain]) -> Propagated:
    """Carry the errors of independent inputs through a positive result.

    Parameters
    ----------
    model : callable
        Takes the inputs' values by name (numbers or arrays that broadcast) and returns the result. Correlated
        inputs enter as one (the product of mean loss and inverse mean free path, for one).
    inputs : mapping of str to Measured
        Or to anything with its value, interval and shares, as numbers or arrays.

    Returns
    -------
    Propagated

    Notes
    -----
    First order: sigma_f^2 = sum (df/dx)^2 sigma_x^2, the derivative by central differences. A result that
    falls to zero or below, or is not finite, at an end of an input's interval is unbounded on that side: a
    conductance compatible with zero leaves the temperature rise without an upper bound.
    """
    values = {name: given.value for name, given in inputs.items()}
    centre = np.asarray(model(values), dtype=float)
    variances: dict[str, NDArray[np.float64]] = {}
    below, above = np.zeros_like(centre), np.zeros_like(centre)
    for name, given in inputs.items():
        slope = _slope(model, values, name)
        for cause, error in given.shares(name):
            variances[cause] = variances.get(cause, np.zeros_like(centre)) + (slope * error) ** 2
        for end in given.interval:
            deviation = _deviation(model, values, name, end, centre)
            below = below + np.minimum(deviation, 0.0) ** 2
            above = above + np.maximum(deviation, 0.0) ** 2
    total = sum(variances.values(), np.zeros_like(centre))
    safe = np.where(total > 0.0, total, 1.0)
    return Propagated(
        centre,
        np.sqrt(total),
        np.maximum(centre - np.sqrt(below), 0.0),
        centre + np.sqrt(above),
        {cause: variance / safe for cause, variance in variances.items()},
    )


def _slope(model: Model, values: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    step = _RELATIVE_STEP * np.where(values[name] == 0.0, 1.0, np.abs(values[name]))
    higher = np.asarray(model({**values, name: values[name] + step}), dtype=float)
    lower = np.asarray(model({**values, name: values[name] - step}), dtype=float)
    return (higher - lower) / (2.0 * step)


def _deviation(
    model: Model, values: Mapping[str, Any], name: str, end: Any, centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    if np.all(end == values[name]):
        return np.zeros_like(centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        there = np.asarray(model({**values, name: end}), dtype=float)
    unbounded = ~np.isfinite(there) | (there < 0.0)
    return np.where(unbounded, np.inf, there - centre)
