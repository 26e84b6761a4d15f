"""How many labels a selection needs for the error that random selection reaches.

python tests/benchmarks/bench_label_efficiency.py [--seeds N N ...] [--ways WAY WAY ...] [--rounds N]
[--members N] [--steps N] [--first-steps N] [--anew] [--folder FOLDER]

Fair in these ways: all begin with the same labels, choose from the same pool, and train with the same number
of the optimiser's steps, each round going on from the members of the round before. The gate's way is the
campaign's: a tenth of its labels are held out and never trained on, a fifth are random, and all count as
labels. The other ways train on all of theirs. Errors are of one test set from MD at other temperatures and
particle sizes. With ``--anew``, in the last round of the random way two more committees start from random
weights instead, with the same labels, and as many steps as this round or as all rounds.

What is done is printed as it is done and stays in the folder; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from scipy import stats

from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation
from beamheat_fw.physics.committee.force_errors import ForceErrors
from tests.benchmarks import emt_learning as emt
from tests.benchmarks.emt_selection import WAYS, Seen
from tests.benchmarks.emt_survival import survived_ps

RMSE, WORST = "force_rmse_eV_A", "worst_environment_p95_eV_A"
ENVIRONMENT_P95 = "p95_eV_A"
#: From random weights, with the steps of the last round, and with those of all rounds.
ANEW, ANEW_IN_ALL = "from_random_weights", "from_random_weights_in_all"

Curve = list[dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    """How long the benchmark is."""

    folder: Path
    seeds: Sequence[int]
    ways: Sequence[str]
    rounds: int
    steps: int
    first_steps: int
    members: int
    anew: bool

    def folder_of(self, seed: int, way: str, number: int) -> Path:
        """Return where one way's committee of a round is trained and evaluated.

        Ways that begin alike share their first round.
        """
        length = f"{self.members}-members-steps-{self.first_steps}-{self.steps}"
        shared = way if number else WAYS[way][0].__name__
        return self.folder / length / f"seed-{seed}" / shared / f"round-{number}"


@dataclass(frozen=True, eq=False)
class Trained:
    """The committee of one round.

    Attributes
    ----------
    folder : Path
    labels : int
        Paid for so far.
    frames : list of Atoms
        Those that it was trained on.
    packages : list of Path
        Its members.
    evaluation : FolderEvaluation
        By it, of the pool's frames and then those of the test.
    """

    folder: Path
    labels: int
    frames: list[Atoms]
    packages: list[Path]
    evaluation: FolderEvaluation


def main() -> int:
    """Run all seeds, print one JSON document."""
    settings = asked_settings(__doc__)
    emt.load_programs()
    test = emt.trajectories(settings.folder, emt.TEST, 1000)
    curves: list[dict[str, Curve]] = []
    for seed in settings.seeds:
        pool = emt.trajectories(settings.folder, emt.POOL, seed)
        curves.append({way: learn(settings, seed, way, pool, test) for way in settings.ways})
    print(json.dumps({**_found(curves), "curves": curves}, indent=1))
    return 0


def asked_settings(description: str | None) -> Settings:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--first-steps", type=int, default=300)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--anew", action="store_true")
    default = Path(tempfile.gettempdir()) / "beamheat-label-efficiency"
    parser.add_argument("--folder", type=Path, default=default)
    return Settings(**vars(parser.parse_args()))


def _found(curves: Sequence[dict[str, Curve]]) -> dict[str, Any]:
    ways = list(curves[0])
    against_random = [way for way in ways if way != "random"] if "random" in ways else []
    last = [curve["random"][-1] for curve in curves] if "random" in ways else []
    return {
        "ratio_of_labels": {
            way: {measure: ratio_of_labels(curves, way, measure) for measure in (RMSE, WORST)}
            for way in against_random
        },
        "survived_ps": {way: [curve[way][-1]["survived_ps"] for curve in curves] for way in ways},
        "over_going_on": {
            name: {measure: [one[name][measure] / one[measure] for one in last] for measure in (RMSE, WORST)}
            for name in (ANEW, ANEW_IN_ALL)
            if last and name in last[0]
        },
    }


def learn(settings: Settings, seed: int, way: str, pool: Sequence[Atoms], test: Sequence[Atoms]) -> Curve:
    """Return labels and errors after each training of one way."""
    curve: Curve = []
    for number, one in enumerate(committees(settings, seed, way, pool, test)):
        point = {"labels": one.labels, **measures(emt.force_errors(one.evaluation, test, len(pool)))}
        if number == settings.rounds:
            point["survived_ps"] = survived_ps(one.folder, one.packages, seed)
            if settings.anew and way == "random":
                point |= _from_random_weights(settings, one, test, 100 * seed + number)
        print(seed, way, number, json.dumps(point), file=sys.stderr, flush=True)
        curve.append(point)
    return curve


def committees(
    settings: Settings, seed: int, way: str, pool: Sequence[Atoms], test: Sequence[Atoms]
) -> Iterator[Trained]:
    """Train the committees of one way, round after round."""
    begin, choose = WAYS[way]
    order = np.random.default_rng(seed).permutation(len(pool)).tolist()
    labelled = begin(order)
    packages: list[Path] | None = None
    for number in range(settings.rounds + 1):
        folder = settings.folder_of(seed, way, number)
        frames = [pool[index] for index in labelled.trained]
        stage = emt.stage_of(
            settings.members, settings.steps if number else settings.first_steps, len(frames)
        )
        packages = emt.train_committee(folder, frames, stage, 100 * seed + number, packages)
        evaluation = emt.evaluate_committee(folder, packages, [*pool, *test])
        yield Trained(folder, labelled.count, frames, packages, evaluation)
        choose(labelled, Seen(pool, evaluation, order, seed + number))


def _from_random_weights(
    settings: Settings, last: Trained, test: Sequence[Atoms], seed: int
) -> dict[str, Any]:
    """Return the errors of committees that do not go on from the round before."""
    in_all = settings.first_steps + settings.rounds * settings.steps
    found = {}
    for name, steps in ((ANEW, settings.steps), (ANEW_IN_ALL, in_all)):
        anew = last.folder / name.replace("_", "-")
        stage = emt.stage_of(settings.members, steps, len(last.frames))
        packages = emt.train_committee(anew, last.frames, stage, seed)
        found[name] = measures(emt.force_errors(emt.evaluate_committee(anew, packages, test), test))
    return found


def measures(errors: ForceErrors) -> dict[str, Any]:
    of_environments = {
        name: float(np.quantile(part.error_eV_A, 0.95))
        for name, part in errors.of_environments().items()
        if name != "all"
    }
    rmse = float(np.sqrt(np.mean(errors.deviation_eV_A**2)))
    return {RMSE: rmse, WORST: max(of_environments.values()), ENVIRONMENT_P95: of_environments}


def ratio_of_labels(curves: Sequence[dict[str, Curve]], way: str, measure: str) -> dict[str, float]:
    """Return how many labels a way needs for each of random selection's, at the same error.

    Learning curves are lines in the logarithms of labels n and error e; with one slope b for both ways of a
    seed, log e = a_way + b log n, the ratio is exp((a_random - a_way) / b). The value is the geometric mean
    over seeds, the interval Student's at 95 %.
    """
    logs = []
    for curve in curves:
        rows = [(one, np.log(p["labels"]), np.log(p[measure])) for one in (way, "random") for p in curve[one]]
        design = np.array([[one == way, one == "random", n] for one, n, _ in rows], dtype=float)
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
