"""Whether the rounds have reached what the campaign asks for: a verdict with numbers and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from beamheat_fw.errors import InputError

CONVERGED, STALLED, NOT_CONVERGED = "converged", "stalled", "not converged"
#: Rounds running that have to meet the targets.
ROUNDS_RUNNING: Final = 2
#: Frames of one trajectory this far apart count as independent: some periods of a small system's slow modes.
DECORRELATION_PS: Final = 1.0


@dataclass(frozen=True)
class Targets:
    """What a campaign asks for.

    Attributes
    ----------
    accurate_share : float
        Share of explored frames that the gate calls accurate.
    force_error_eV_A : float
        The error (norm) that a share `confidence` of atoms stays below, on random frames.
    confidence : float
    min_rounds : int
        Rounds before the verdict may be that all is reached.
    """

    accurate_share: float
    force_error_eV_A: float
    confidence: float = 0.68
    min_rounds: int = 2


@dataclass(frozen=True)
class RoundNumbers:
    """What one round found out about the committee that explored.

    Attributes
    ----------
    round : int
    accurate, frames : int
        Frames that the gate called accurate, of all it judged.
    errors_eV_A : mapping of str to mapping
        By environment and for ``all``, as `force_errors.error_quantiles` gives them on random frames.
    independent : int, optional
        Frames that count as independent: fewer than `frames` where they follow each other closely.
    """

    round: int
    accurate: int
    frames: int
    errors_eV_A: Mapping[str, Mapping[str, float]]
    independent: int | None = None

    @property
    def share(self) -> float:
        """Share of accurate frames; zero if none was judged."""
        return self.accurate / self.frames if self.frames else 0.0

    @property
    def share_interval(self) -> tuple[float, float]:
        """68 % interval of the share."""
        trials = self.frames if self.independent is None else min(self.independent, self.frames)
        return binomial_interval(self.share * trials, trials)

    def meets(self, targets: Targets) -> bool:
        """Whether both targets are met, the ends of the 68 % intervals nearest to failure included."""
        return not self.shortfalls(targets)

    def shortfalls(self, targets: Targets) -> list[str]:
        """Return what is missing, in words."""
        missing = []
        low, high = self.share_interval
        if low < targets.accurate_share:
            missing.append(
                f"accurate share {self.share:.3f} ({low:.3f} to {high:.3f}), "
                f"asked for {targets.accurate_share:.3f}"
            )
        for name, found in self.errors_eV_A.items():
            if found["high_eV_A"] > targets.force_error_eV_A:
                missing.append(
                    f"force error in {name} {found['value_eV_A']:.3f} ({found['low_eV_A']:.3f} to "
                    f"{found['high_eV_A']:.3f}) eV/Å, asked for {targets.force_error_eV_A:.3f}"
                )
        if not self.errors_eV_A:
            missing.append("no random frame was labelled: the error is unknown")
        return missing

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data."""
        return {
            "round": self.round,
            "accurate": self.accurate,
            "frames": self.frames,
            "independent": self.independent,
            "share": self.share,
            "share_interval": list(self.share_interval),
            "errors_eV_A": {name: dict(found) for name, found in self.errors_eV_A.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> RoundNumbers:
        """Return the numbers that `to_dict` described."""
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Verdict:
    """Whether a campaign has converged.

    Attributes
    ----------
    name : {'converged', 'stalled', 'not converged'}
    reasons : tuple of str
        What is missing, in words.
    holding_back : tuple of str
        Environments above the target, the worst first.
    last : RoundNumbers
        The numbers of the last round.
    """

    name: str
    reasons: tuple[str, ...]
    holding_back: tuple[str, ...]
    last: RoundNumbers

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {
            "verdict": self.name,
            "reasons": list(self.reasons),
            "holding_back": list(self.holding_back),
            **self.last.to_dict(),
        }


def judge_convergence(rounds: Sequence[RoundNumbers], targets: Targets) -> Verdict:
    """Judge a campaign by its rounds.

    Converged needs both targets met, with their intervals, in the last two rounds running. A campaign
    stalls when it misses its targets and the last two rounds brought neither a smaller error nor more
    accurate frames, beyond the intervals, than the round before them.

    Parameters
    ----------
    rounds : sequence of RoundNumbers
        In order; at least one.
    targets : Targets
    """
    if not rounds:
        raise InputError("There is no round to judge", "Explore and label at least one round first.")
    last = rounds[-1]
    held = _holding_back(last, targets)
    running = rounds[-ROUNDS_RUNNING:]
    if len(running) == ROUNDS_RUNNING and all(one.meets(targets) for one in running):
        if len(rounds) >= targets.min_rounds:
            return Verdict(CONVERGED, (), (), last)
        return Verdict(NOT_CONVERGED, (f"{len(rounds)} of {targets.min_rounds} rounds asked for",), (), last)
    reasons = [f"round {one.round}: {text}" for one in running for text in one.shortfalls(targets)]
    if len(rounds) < ROUNDS_RUNNING:
        reasons.append(f"{ROUNDS_RUNNING} rounds running have to meet the targets")
    stalled = len(rounds) > ROUNDS_RUNNING and not last.meets(targets) and not _improved(rounds)
    return Verdict(STALLED if stalled else NOT_CONVERGED, tuple(reasons), held, last)


def independent_frames(trajectories: int, duration_ps: float) -> int:
    """Return how many frames of some trajectories count as independent: at least one of each."""
    return trajectories * max(1, round(duration_ps / DECORRELATION_PS))


def binomial_interval(successes: float, trials: float) -> tuple[float, float]:
    """Return the Wilson 68 % interval of a share [1]_; (0, 1) without trials.

    References
    ----------
    .. [1] E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    if trials <= 0:
        return 0.0, 1.0
    share = successes / trials
    middle = (share + 0.5 / trials) / (1.0 + 1.0 / trials)
    half = np.sqrt(share * (1.0 - share) / trials + 0.25 / trials**2) / (1.0 + 1.0 / trials)
    return max(0.0, min(share, float(middle - half))), min(1.0, max(share, float(middle + half)))


def _holding_back(last: RoundNumbers, targets: Targets) -> tuple[str, ...]:
    above = {
        name: found["value_eV_A"]
        for name, found in last.errors_eV_A.items()
        if name != "all" and found["high_eV_A"] > targets.force_error_eV_A
    }
    return tuple(sorted(above, key=lambda name: -above[name]))


def _improved(rounds: Sequence[RoundNumbers]) -> bool:
    """Whether one of the last two rounds is better, beyond the intervals, than the round before them."""
    before = rounds[-ROUNDS_RUNNING - 1]
    for one in rounds[-ROUNDS_RUNNING:]:
        if one.share_interval[0] > before.share_interval[1]:
            return True
        if "all" not in one.errors_eV_A or "all" not in before.errors_eV_A:
            return True
        if one.errors_eV_A["all"]["high_eV_A"] < before.errors_eV_A["all"]["low_eV_A"]:
            return True
    return False
