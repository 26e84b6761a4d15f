"""Whether the calibrated bounds hold on MD at temperatures and particle sizes that nobody trained on.

python tests/benchmarks/bench_calibration.py [--seeds N] [--steps N] [--folder FOLDER]

A committee learns random frames of the pool. It is calibrated twice: on other random frames of the pool, and,
as a campaign does it, on random frames of the trajectories that it is then asked about. Both are examined on
the rest of those trajectories. The uncalibrated spread, as the width of a Gaussian, stands beside them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi

from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.coverage import examine
from beamheat_fw.physics.committee.force_errors import ForceErrors
from tests.benchmarks import emt_learning as emt

MEMBERS, TRAINED, CALIBRATED = 4, 40, 24
LEVELS = (0.68, 0.95)


def main() -> int:
    """Run all seeds, print one JSON document; return 1 where a promise is not kept on the campaign's way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    default = Path(tempfile.gettempdir()) / "beamheat-calibration"
    parser.add_argument("--folder", type=Path, default=default)
    asked = parser.parse_args()
    emt.load_programs()
    found = [
        _seed(asked.folder / f"steps-{asked.steps}" / f"seed-{n}", n, asked.steps) for n in range(asked.seeds)
    ]
    kept = [one["on_its_own_trajectories"]["kept"] for one in found]
    print(
        json.dumps({"seeds": found, "kept": sum(map(sum, kept)), "promises": sum(map(len, kept))}, indent=1)
    )
    return 0 if all(map(all, kept)) else 1


def _seed(folder: Path, seed: int, steps: int) -> dict[str, Any]:
    pool = emt.trajectories(folder.parent, emt.POOL, seed)
    test = emt.trajectories(folder.parent, emt.TEST, 1000 + seed)
    random = np.random.default_rng(seed)
    order = random.permutation(len(pool)).tolist()
    trained, others = order[:TRAINED], order[TRAINED : TRAINED + CALIBRATED]
    frames = [pool[index] for index in trained]
    packages = emt.train_committee(folder, frames, emt.stage_of(MEMBERS, steps, len(frames)), seed)
    evaluation = emt.evaluate_committee(folder, packages, [*pool, *test])
    on_pool, on_test = emt.force_errors(evaluation, pool), emt.force_errors(evaluation, test, len(pool))
    drawn = np.isin(on_test.frame, random.permutation(len(test))[:CALIBRATED])
    examined = on_test.where(~drawn)
    return {
        "force_rmse_eV_A": float(np.sqrt(np.mean(examined.deviation_eV_A**2))),
        "on_the_pool": _report(on_pool.where(np.isin(on_pool.frame, others)), examined),
        "on_its_own_trajectories": _report(on_test.where(drawn), examined),
        "uncalibrated_coverage": _uncalibrated(examined),
    }


def _report(labels: ForceErrors, examined: ForceErrors) -> dict[str, Any]:
    report = examine(calibrate(labels), examined)
    groups = {name: found for name, found in report.coverage.items() if not name.startswith("spread")}
    kept = [_inside(found[f"{level:g}"], level) for found in groups.values() for level in LEVELS] + [
        report.beats_constant
    ]
    return {
        "coverage": groups,
        "kept": kept,
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
    return {
        f"{level:g}": float(
            np.mean(errors.error_eV_A <= errors.spread_eV_A * chi.ppf(level, 3) / np.sqrt(3.0))
        )
        for level in LEVELS
    }


if __name__ == "__main__":
    sys.exit(main())
