"""How many labels a selection saves where the labels alone decide: with a committee that learns to the end.

python tests/benchmarks/bench_selection.py [--seeds N N ...] [--ways WAY WAY ...] [--rounds N]
[--folder FOLDER]

As the benchmark of label efficiency, with its pools, test frames, ways and measures, but with sparse kernel
regressions for members (`emt_kernel`). They solve linear equations, so that no error is of a training that
was not finished, and no label comes with steps of an optimiser.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from tests.benchmarks import emt_learning as emt
from tests.benchmarks.bench_label_efficiency import RMSE, WORST, Curve, measures, ratio_of_labels
from tests.benchmarks.emt_kernel import KernelCommittee
from tests.benchmarks.emt_selection import WAYS, Seen

MEMBERS = 3


def main() -> int:
    """Run all seeds, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5, 15)))
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=4)
    default = Path(tempfile.gettempdir()) / "beamheat-label-efficiency"
    parser.add_argument("--folder", type=Path, default=default)
    asked = parser.parse_args()
    test = emt.trajectories(asked.folder, emt.TEST, 1000)
    curves = []
    for seed in asked.seeds:
        pool = emt.trajectories(asked.folder, emt.POOL, seed)
        committee = KernelCommittee([*pool, *test], len(pool), MEMBERS, seed)
        ways = ["random", *(way for way in asked.ways if way != "random")]
        curves.append({way: learn(committee, way, pool, test, asked.rounds, seed) for way in ways})
        print(seed, "is done", file=sys.stderr, flush=True)
    print(json.dumps({"ways": _found(curves), "curves": curves}, indent=1))
    return 0


def _found(curves: Sequence[dict[str, Curve]]) -> dict[str, dict[str, object]]:
    return {
        way: {
            measure: {
                "means": [float(np.mean(each)) for each in zip(*_values(curves, way, measure), strict=True)],
                "ratio_of_labels": ratio_of_labels(curves, way, measure) if way != "random" else 1.0,
            }
            for measure in (RMSE, WORST)
        }
        for way in curves[0]
    }


def _values(curves: Sequence[dict[str, Curve]], way: str, measure: str) -> list[list[float]]:
    return [[point[measure] for point in curve[way]] for curve in curves]


def learn(
    committee: KernelCommittee, way: str, pool: Sequence[Atoms], test: Sequence[Atoms], rounds: int, seed: int
) -> Curve:
    """Return labels and errors after each round of one way."""
    begin, choose = WAYS[way]
    order = np.random.default_rng(seed).permutation(len(pool)).tolist()
    labelled = begin(order)
    curve: Curve = []
    for number in range(rounds + 1):
        evaluation = committee.learn(labelled.trained)
        errors = emt.force_errors(evaluation, test, len(pool))
        curve.append({"labels": labelled.count, **measures(errors)})
        if number < rounds:
            choose(labelled, Seen(pool, evaluation, order, seed + number))
    return curve


if __name__ == "__main__":
    sys.exit(main())
