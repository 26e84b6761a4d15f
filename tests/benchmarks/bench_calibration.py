"""Whether the calibrated bounds hold on MD at temperatures and particle sizes that nobody trained on.

python tests/benchmarks/bench_calibration.py [as label_efficiency: --seeds, --rounds, --steps, --folder]

The committees are those that the benchmark of label efficiency trained on random frames of its pool; what is
missing of them is trained first. Each is calibrated twice: on other random frames of the pool, and, as a
campaign does it, on random frames of the trajectories that it is then asked about. Both are examined on the
rest of those trajectories. The uncalibrated spread, as the width of a Gaussian, stands beside them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from scipy.stats import chi

from beamheat_fw.drivers.nequip.evaluate import EVALUATION_FILE, FolderEvaluation
from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.coverage import examine
from beamheat_fw.physics.committee.force_errors import ForceErrors
from tests.benchmarks import emt_learning as emt
from tests.benchmarks.bench_label_efficiency import Settings, asked_settings, learn
from tests.benchmarks.emt_selection import LABELS, START

CALIBRATED = 24
LEVELS = (0.68, 0.95)


def main() -> int:
    """Examine all seeds, print one JSON document; return 1 where the campaign's way breaks a promise."""
    settings = asked_settings(__doc__)
    emt.load_programs()
    test = emt.trajectories(settings.folder, emt.TEST, 1000)
    found = [_seed(settings, seed, test) for seed in settings.seeds]
    document = {
        "promises": {way: promises(found, way) for way in ("on_the_pool", "on_its_own_trajectories")},
        "seeds": found,
    }
    print(json.dumps(document, indent=1))
    kept, asked = document["promises"]["on_its_own_trajectories"]["all"]
    return 0 if kept == asked else 1


def _seed(settings: Settings, seed: int, test: Sequence[Atoms]) -> dict[str, Any]:
    pool = emt.trajectories(settings.folder, emt.POOL, seed)
    learn(settings, seed, "random", pool, test)
    evaluation = FolderEvaluation.load(settings.folder_of(seed, "random", settings.rounds) / EVALUATION_FILE)
    on_pool, on_test = emt.force_errors(evaluation, pool), emt.force_errors(evaluation, test, len(pool))
    untrained = np.random.default_rng(seed).permutation(len(pool))[START + settings.rounds * LABELS :]
    drawn = np.isin(on_test.frame, np.random.default_rng(1000 + seed).permutation(len(test))[:CALIBRATED])
    examined = on_test.where(~drawn)
    return {
        "force_rmse_eV_A": float(np.sqrt(np.mean(examined.deviation_eV_A**2))),
        "on_the_pool": _report(on_pool.where(np.isin(on_pool.frame, untrained[:CALIBRATED])), examined),
        "on_its_own_trajectories": _report(on_test.where(drawn), examined),
        "uncalibrated_coverage": _uncalibrated(examined),
    }


def promises(found: Sequence[dict[str, Any]], way: str) -> dict[str, list[int]]:
    """Return for each kind of promise how many were kept, and how many were made."""
    kept: dict[str, list[bool]] = {}
    for one in found:
        report = one[way]
        for group, levels in report["coverage"].items():
            for level in LEVELS:
                kept.setdefault(f"{group} {level:g}", []).append(_inside(levels[f"{level:g}"], level))
        kept.setdefault("better than a constant", []).append(
            report["score_eV_A"] < report["constant_score_eV_A"]
        )
    everything = [one for each in kept.values() for one in each]
    return {name: [sum(each), len(each)] for name, each in {**kept, "all": everything}.items()}


def _report(labels: ForceErrors, examined: ForceErrors) -> dict[str, Any]:
    report = examine(calibrate(labels), examined)
    return {
        "coverage": {name: one for name, one in report.coverage.items() if not name.startswith("spread")},
        "score_eV_A": report.score_eV_A,
        "constant_score_eV_A": report.constant_score_eV_A,
        "uncalibrated_score_eV_A": report.uncalibrated_score_eV_A,
        "recall_worst_of_fifth": report.recall_worst_of_fifth,
    }


def _inside(found: dict[str, float], level: float) -> bool:
    """Whether a stated level is in the 95 % interval of what was observed: twice that of 68 %."""
    middle = found["observed"]
    return middle - 2.0 * (middle - found["low"]) <= level <= middle + 2.0 * (found["high"] - middle)


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
