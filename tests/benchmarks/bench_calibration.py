"""Whether the calibrated bounds hold on MD at temperatures and particle sizes that nobody trained on.

python tests/benchmarks/bench_calibration.py [as label_efficiency: --seeds, --rounds, --steps, --folder]

The committees are those that the benchmark of label efficiency trained on random frames of its pool; what is
missing of them is trained first. Each is calibrated twice: on other random frames of the pool, and, as a
campaign does it, on random frames of the trajectories that it is then asked about. Both are examined on the
rest of those trajectories. The uncalibrated spread, as the width of a Gaussian, stands beside them.

A promise is kept if the stated level lies in the 95 % interval of the observed coverage: that of the examined
frames alone, and that of both halves drawn anew. Beside each stands the share that an ideal calibrator keeps.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from scipy.stats import chi

from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.coverage import examine
from beamheat_fw.physics.committee.force_errors import ForceErrors
from tests.benchmarks import emt_learning as emt
from tests.benchmarks.bench_label_efficiency import Settings, asked_settings, committees
from tests.benchmarks.coverage_intervals import both_drawn_anew, ideal_shares, inside_one_sided
from tests.benchmarks.emt_selection import LABELS, START

CALIBRATED = 24
LEVELS = (0.68, 0.95)
INTERVALS = ("examined", "both")


def main() -> int:
    """Examine all seeds, print one JSON document; return 1 where the campaign's way breaks a promise."""
    settings = asked_settings(__doc__)
    emt.load_programs()
    test = emt.trajectories(settings.folder, emt.TEST, 1000)
    found = [_seed(settings, seed, test) for seed in settings.seeds]
    document = {
        "promises": {way: promises(found, way) for way in ("on_the_pool", "on_its_own_trajectories")},
        "ideal": {name: float(np.mean([one["ideal"][name] for one in found])) for name in INTERVALS},
        "seeds": found,
    }
    print(json.dumps(document, indent=1))
    kept, asked = document["promises"]["on_its_own_trajectories"]["examined"]["all"]
    better = all(one["on_its_own_trajectories"]["beats_constant"] for one in found)
    return 0 if kept == asked and better else 1


def _seed(settings: Settings, seed: int, test: Sequence[Atoms]) -> dict[str, Any]:
    pool = emt.trajectories(settings.folder, emt.POOL, seed)
    *_, last = committees(settings, seed, "random", pool, test)
    evaluation = last.evaluation
    on_pool, on_test = emt.force_errors(evaluation, pool), emt.force_errors(evaluation, test, len(pool))
    untrained = np.random.default_rng(seed).permutation(len(pool))[START + settings.rounds * LABELS :]
    drawn = np.isin(on_test.frame, np.random.default_rng(1000 + seed).permutation(len(test))[:CALIBRATED])
    examined = on_test.where(~drawn)
    return {
        "force_rmse_eV_A": float(np.sqrt(np.mean(examined.deviation_eV_A**2))),
        "on_the_pool": _report(on_pool.where(np.isin(on_pool.frame, untrained[:CALIBRATED])), examined),
        "on_its_own_trajectories": _report(on_test.where(drawn), examined),
        "uncalibrated_coverage": _uncalibrated(examined),
        "ideal": ideal_shares(on_test, CALIBRATED, LEVELS, seed),
    }


def promises(found: Sequence[dict[str, Any]], way: str) -> dict[str, dict[str, list[int]]]:
    """Return for each interval and each kind of promise how many were kept, and how many were made."""
    kept: dict[str, dict[str, list[bool]]] = {name: {} for name in INTERVALS}
    for one in found:
        for group, levels in one[way]["coverage"].items():
            for level in LEVELS:
                promise, observed = f"{group} {level:g}", levels[f"{level:g}"]
                low, high = observed["both"]
                kept["examined"].setdefault(promise, []).append(inside_one_sided(observed, level))
                kept["both"].setdefault(promise, []).append(low <= level <= high)
    return {name: _counted(each) for name, each in kept.items()}


def _counted(kept: dict[str, list[bool]]) -> dict[str, list[int]]:
    everything = [one for each in kept.values() for one in each]
    return {name: [sum(each), len(each)] for name, each in {**kept, "all": everything}.items()}


def _report(labels: ForceErrors, examined: ForceErrors) -> dict[str, Any]:
    report = examine(calibrate(labels), examined)
    both = both_drawn_anew(labels, examined, LEVELS, seed=0)
    coverage = {name: one for name, one in report.coverage.items() if not name.startswith("spread")}
    for name, of_level in both.items():
        for level, interval in of_level.items():
            coverage[name][f"{level:g}"]["both"] = interval
    return {
        "coverage": coverage,
        "score_eV_A": report.score_eV_A,
        "constant_score_eV_A": report.constant_score_eV_A,
        "uncalibrated_score_eV_A": report.uncalibrated_score_eV_A,
        "beats_constant": report.beats_constant,
        "recall_worst_of_fifth": report.recall_worst_of_fifth,
    }


def _uncalibrated(errors: ForceErrors) -> dict[str, float]:
    """Return the coverage of the spread taken for the width of a Gaussian error of each component."""
    return {
        f"{level:g}": float(
            np.mean(errors.error_eV_A <= errors.spread_eV_A * chi.ppf(level, 3) / np.sqrt(3.0))
        )
        for level in LEVELS
    }


if __name__ == "__main__":
    sys.exit(main())
