"""How many labels the gate's selection needs for the error that random selection reaches.

python tests/benchmarks/bench_label_efficiency.py [--seeds N] [--rounds N] [--steps N] [--folder FOLDER]

Fair in these ways: both begin with the same labels, choose from the same pool, and train with the same number
of the optimiser's steps. The gate's way is the campaign's: a tenth of its labels are held out and never
trained on, a fifth are random, and all count as labels. Random selection trains on all of its own. Errors are
of one test set from MD at other temperatures and particle sizes. What is done stays in the folder, and the
same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from scipy import stats

from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation
from beamheat_fw.firetasks.selection import gate_frame
from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.force_errors import ForceErrors
from beamheat_fw.physics.committee.gate import CANDIDATE, FAILED, Gate, Thresholds
from beamheat_fw.physics.committee.novelty import learn_novelty
from beamheat_fw.physics.committee.selection import Budget, frame_vectors, select
from tests.benchmarks import emt_learning as emt
from tests.benchmarks.emt_survival import survived

MEMBERS, START, LABELS = 3, 12, 8
RANDOM_FRACTION, HOLDOUT_FRACTION = 0.2, 0.1
TARGET_EV_A = 0.1
ARMS = ("gate", "random")
MEASURES = ("force_rmse_eV_A", "worst_environment_p95_eV_A")


@dataclass(frozen=True)
class Settings:
    """How long the benchmark is."""

    folder: Path
    seeds: int
    rounds: int
    steps: int


@dataclass
class Labelled:
    """Which frames of the pool one arm has labelled: trained on, and held out."""

    trained: list[int]
    held_out: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many labels were paid for."""
        return len(self.trained) + len(self.held_out)


def main() -> int:
    """Run all seeds, print one JSON document."""
    settings = _settings()
    emt.load_programs()
    test = emt.trajectories(settings.folder, emt.TEST, 1000)
    curves = []
    for seed in range(settings.seeds):
        pool = emt.trajectories(settings.folder, emt.POOL, seed)
        curves.append({arm: _learn(settings, seed, arm, pool, test) for arm in ARMS})
    document: dict[str, Any] = {
        "seeds": settings.seeds,
        "rounds": settings.rounds,
        "steps": settings.steps,
        "ratio_of_labels": {measure: ratio_of_labels(curves, measure) for measure in MEASURES},
        "survived": {arm: [curve[arm][-1]["survived"] for curve in curves] for arm in ARMS},
        "curves": curves,
    }
    print(json.dumps(document, indent=1))
    return 0


def _settings() -> Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=400)
    default = Path(tempfile.gettempdir()) / "beamheat-label-efficiency"
    parser.add_argument("--folder", type=Path, default=default)
    return Settings(**vars(parser.parse_args()))


def _learn(
    settings: Settings, seed: int, arm: str, pool: Sequence[Atoms], test: Sequence[Atoms]
) -> list[dict[str, Any]]:
    """Return labels and errors after each training of one arm."""
    order = np.random.default_rng(seed).permutation(len(pool)).tolist()
    labelled = Labelled(order[:START])
    if arm == "gate":
        labelled = Labelled(order[: START - 3], order[START - 3 : START])
    curve = []
    for number in range(settings.rounds + 1):
        folder = settings.folder / f"steps-{settings.steps}" / f"seed-{seed}" / arm / f"round-{number}"
        frames = [pool[index] for index in labelled.trained]
        stage = emt.stage_of(MEMBERS, settings.steps, len(frames))
        packages = emt.train_committee(folder, frames, stage, seed=100 * seed + number)
        evaluation = emt.evaluate_committee(folder, packages, [*pool, *test])
        errors = emt.force_errors(evaluation, test, len(pool))
        curve.append({"labels": labelled.count, **_measures(errors)})
        if number == settings.rounds:
            curve[-1]["survived"] = survived(folder, packages, seed)
        elif arm == "gate":
            _choose_by_gate(labelled, pool, evaluation, seed + number)
        else:
            fresh = [index for index in order if index not in labelled.trained]
            labelled.trained += fresh[:LABELS]
    return curve


def _measures(errors: ForceErrors) -> dict[str, float]:
    worst = max(
        float(np.quantile(part.error_eV_A, 0.95))
        for name, part in errors.of_environments().items()
        if name != "all"
    )
    return dict(zip(MEASURES, (float(np.sqrt(np.mean(errors.deviation_eV_A**2))), worst), strict=True))


def _choose_by_gate(
    labelled: Labelled, pool: Sequence[Atoms], evaluation: FolderEvaluation, seed: int
) -> None:
    """Choose as a campaign does: calibrated gate with novelty, and frames at random."""
    known = {*labelled.trained, *labelled.held_out}
    free = [index for index in range(len(pool)) if index not in known]
    gate = _gate(labelled, pool, evaluation)
    verdicts = gate.judge([gate_frame(pool[index], evaluation, index) for index in free])
    names = np.array([verdict.name for verdict in verdicts])
    vectors = _vectors(pool, evaluation)
    chosen = select(
        vectors[free],
        np.flatnonzero(names == CANDIDATE),
        vectors[sorted(known)],
        Budget.of_round(LABELS, RANDOM_FRACTION, HOLDOUT_FRACTION),
        seed,
        np.flatnonzero(names != FAILED),
    )
    labelled.held_out += [free[index] for index in chosen.holdout]
    labelled.trained += [free[index] for index in (*chosen.random, *chosen.diverse)]


def _gate(labelled: Labelled, pool: Sequence[Atoms], evaluation: FolderEvaluation) -> Gate:
    errors = emt.force_errors(evaluation, pool)
    calibration = calibrate(errors.where(np.isin(errors.frame, labelled.held_out)))
    trained = np.isin(errors.frame, labelled.trained)
    described = evaluation.descriptors[: len(errors.frame)]
    novelty = learn_novelty(described[trained], errors.element[trained], errors.frame[trained])
    return Gate(calibration, Thresholds(TARGET_EV_A), novelty=novelty)


def _vectors(pool: Sequence[Atoms], evaluation: FolderEvaluation) -> np.ndarray:
    errors = emt.force_errors(evaluation, pool)
    groups = np.char.add(np.char.add(errors.element, "/"), errors.environment)
    atoms = len(groups)
    return frame_vectors(evaluation.descriptors[:atoms], evaluation.offsets[: len(pool) + 1], groups)


def ratio_of_labels(curves: Sequence[dict[str, list[dict[str, Any]]]], measure: str) -> dict[str, float]:
    """Return how many labels the gate needs for each of random selection's, at the same error.

    Learning curves are lines in the logarithms of labels n and error e; with one slope b for both arms of a
    seed, log e = a_arm + b log n, the ratio is exp((a_random - a_gate) / b). The value is the geometric mean
    over seeds, the interval Student's at 95 %.
    """
    logs = []
    for curve in curves:
        rows = [(arm, np.log(p["labels"]), np.log(p[measure])) for arm in ARMS for p in curve[arm]]
        design = np.array([[arm == "gate", arm == "random", n] for arm, n, _ in rows], dtype=float)
        fit, *_ = np.linalg.lstsq(design, np.array([error for *_, error in rows]), rcond=None)
        logs.append((fit[1] - fit[0]) / fit[2])
    mean, n = float(np.mean(logs)), len(logs)
    half = float(stats.t.ppf(0.975, n - 1) * np.std(logs, ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    return {
        "ratio": float(np.exp(mean)),
        "low": float(np.exp(mean - half)),
        "high": float(np.exp(min(mean + half, 700.0))),
    }


if __name__ == "__main__":
    sys.exit(main())
