"""The path of a bath's temperature: warming up, annealing where that is asked for, and to the body's own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

#: A path begins at this share of its first temperature.
START_SHARE = 0.5
#: Ramps take this share of equilibration; the one up to annealing, no more than this share of annealing.
RAMP_SHARE = 0.5


@dataclass(frozen=True)
class BathPath:
    """Straight lines between points in time.

    Attributes
    ----------
    steps : tuple of float
        Of the points, from zero on.
    kelvin : tuple of float
        The bath's temperature there; the last one holds from there on.
    """

    steps: tuple[float, ...]
    kelvin: tuple[float, ...]

    def at_K(self, step: int) -> float:
        """Return the temperature at a step."""
        for begin, end, from_K, to_K in self.lines():
            if step < end:
                share = from_K / to_K
                return (share + (1.0 - share) * (step - begin) / (end - begin)) * to_K
        return self.kelvin[-1]

    def lines(self) -> list[tuple[float, float, float, float]]:
        """Return each line's first and last step, and its first and last temperature."""
        points = pairwise(zip(self.steps, self.kelvin, strict=True))
        return [(begin, end, from_K, to_K) for (begin, from_K), (end, to_K) in points]


def equilibration(body_K: float, steps: int) -> BathPath:
    """Return the path of so many steps up to a body's temperature, and at it."""
    return BathPath((0.0, _ramp_steps(steps), steps), (START_SHARE * body_K, body_K, body_K))


def annealed(body_K: float, steps: int, anneal_K: float, anneal_steps: int) -> BathPath:
    """Return the path up to `anneal_K`, at it, and in an equilibration of `steps` to a body's temperature."""
    ramp = _ramp_steps(steps)
    warm_up = min(ramp, RAMP_SHARE * anneal_steps)
    return BathPath(
        (0.0, warm_up, anneal_steps, anneal_steps + ramp, anneal_steps + steps),
        (START_SHARE * anneal_K, anneal_K, anneal_K, body_K, body_K),
    )


def _ramp_steps(equilibrate_steps: int) -> float:
    return max(1.0, RAMP_SHARE * equilibrate_steps)
