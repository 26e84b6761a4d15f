"""Ways to choose which frames of a pool to label next, for the benchmark of label efficiency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation
from beamheat_fw.firetasks.selection import gate_frame
from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.cover import PoolAtoms, covering_frames
from beamheat_fw.physics.committee.gate import CANDIDATE, FAILED, Gate, Thresholds
from beamheat_fw.physics.committee.novelty import learn_novelty
from beamheat_fw.physics.committee.selection import Budget, frame_vectors, select
from tests.benchmarks import emt_learning as emt

#: Labels to begin with, and labels a round.
START, LABELS = 8, 6
#: Of the labels to begin with, how many the gate's way holds out to calibrate on.
START_HELD_OUT = 2
RANDOM_FRACTION, HOLDOUT_FRACTION = 0.2, 0.1
TARGET_EV_A = 0.2


@dataclass
class Labelled:
    """Which frames of the pool one way has labelled: trained on, and held out."""

    trained: list[int]
    held_out: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many labels were paid for."""
        return len(self.trained) + len(self.held_out)

    def free(self, frames: int) -> list[int]:
        """Return the frames of a pool that are not labelled."""
        known = {*self.trained, *self.held_out}
        return [index for index in range(frames) if index not in known]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a way of choosing may look at.

    Attributes
    ----------
    pool : sequence of Atoms
    evaluation : FolderEvaluation
        By the committee of this round; the pool's frames come first in it.
    order : sequence of int
        The pool in random order.
    seed : int
    """

    pool: Sequence[Atoms]
    evaluation: FolderEvaluation
    order: Sequence[int]
    seed: int


def start_at_random(order: Sequence[int]) -> Labelled:
    """Train on all labels that there are to begin with."""
    return Labelled(list(order[:START]))


def start_with_holdout(order: Sequence[int]) -> Labelled:
    """Hold out a few of the same labels, to calibrate on."""
    return Labelled(list(order[: START - START_HELD_OUT]), list(order[START - START_HELD_OUT : START]))


def choose_at_random(labelled: Labelled, seen: Seen) -> None:
    """Label the next frames of the random order."""
    known = {*labelled.trained, *labelled.held_out}
    labelled.trained += [index for index in seen.order if index not in known][:LABELS]


def choose_by_gate(labelled: Labelled, seen: Seen, diversity: str = "farthest") -> None:
    """Choose as a campaign does: by calibrated gate and diversity, and some frames at random."""
    free = labelled.free(len(seen.pool))
    names = _verdicts(labelled, seen, free)
    vectors = _frame_vectors(seen)
    sound = np.flatnonzero(names != FAILED)
    chosen = select(
        vectors[free],
        np.flatnonzero(names == CANDIDATE),
        vectors[[*labelled.trained, *labelled.held_out]],
        Budget.of_round(LABELS, RANDOM_FRACTION, HOLDOUT_FRACTION),
        seen.seed,
        sound,
        _atoms_to_cover(seen, np.array(free)[sound], sound, labelled.trained)
        if diversity == "covering"
        else None,
    )
    labelled.held_out += [free[index] for index in chosen.holdout]
    labelled.trained += [free[index] for index in (*chosen.random, *chosen.diverse)]


def choose_novel(labelled: Labelled, seen: Seen) -> None:
    """Choose the frame with the atom farthest from all trained atoms, again and again; no committee asked."""
    offsets = seen.evaluation.offsets
    atoms = int(offsets[len(seen.pool)])
    element = np.concatenate([np.array(frame.get_chemical_symbols()) for frame in seen.pool])
    points = seen.evaluation.descriptors[:atoms]
    points = points / np.maximum(points.std(axis=0), 1e-9)
    frame = np.repeat(np.arange(len(seen.pool)), np.diff(offsets[: len(seen.pool) + 1]))
    nearest = np.full(atoms, np.inf)
    for index in labelled.trained:
        nearest = np.minimum(nearest, _distances(points, element, frame == index))
    for _ in range(LABELS):
        next_one = int(frame[np.argmax(nearest)])
        labelled.trained.append(next_one)
        nearest = np.minimum(nearest, _distances(points, element, frame == next_one))


def choose_covering(labelled: Labelled, seen: Seen) -> None:
    """Choose the frames that stand for what the committee is uncertain about, environments counting alike."""
    free = labelled.free(len(seen.pool))
    labelled.trained += covering_frames(_pool_atoms(seen), free, labelled.trained, LABELS)


#: How each way begins, and how it goes on.
WAYS: Mapping[str, tuple[Callable[[Sequence[int]], Labelled], Callable[[Labelled, Seen], None]]] = {
    "random": (start_at_random, choose_at_random),
    "gate": (start_with_holdout, choose_by_gate),
    "novel": (start_at_random, choose_novel),
    "covering": (start_at_random, choose_covering),
    "gate_covering": (start_with_holdout, partial(choose_by_gate, diversity="covering")),
}


def _distances(points: np.ndarray, element: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return each atom's distance to the nearest atom of its element `among` some."""
    nearest = np.full(len(points), np.inf)
    for symbol in np.unique(element[among]):
        here = element == symbol
        apart = points[here][:, None] - points[here & among][None]
        nearest[here] = np.sqrt((apart**2).sum(axis=2)).min(axis=1)
    return nearest


def _pool_atoms(seen: Seen) -> PoolAtoms:
    errors = emt.force_errors(seen.evaluation, seen.pool)
    described = seen.evaluation.descriptors[: len(errors.frame)]
    width = np.maximum(described.std(axis=0), 1e-9)
    return PoolAtoms(described / width, errors.element, errors.environment, errors.frame, errors.spread_eV_A)


def _atoms_to_cover(
    seen: Seen, sound: Sequence[int], numbers: Sequence[int], trained: Sequence[int]
) -> PoolAtoms:
    """Return a pool's atoms as a campaign has them: sound frames by new numbers, trained ones by negative."""
    atoms = _pool_atoms(seen)
    number = np.zeros(len(seen.pool), dtype=int)
    number[sound], number[trained] = numbers, -1 - np.arange(len(trained))
    atoms = atoms.where(np.isin(atoms.frame, [*sound, *trained]))
    return replace(atoms, frame=number[atoms.frame]).standardised().thinned()


def _verdicts(labelled: Labelled, seen: Seen, frames: Sequence[int]) -> np.ndarray:
    judged = _gate(labelled, seen).judge(
        [gate_frame(seen.pool[index], seen.evaluation, index) for index in frames]
    )
    return np.array([verdict.name for verdict in judged])


def _gate(labelled: Labelled, seen: Seen) -> Gate:
    errors = emt.force_errors(seen.evaluation, seen.pool)
    calibration = calibrate(errors.where(np.isin(errors.frame, labelled.held_out)))
    trained = np.isin(errors.frame, labelled.trained)
    described = seen.evaluation.descriptors[: len(errors.frame)]
    novelty = learn_novelty(described[trained], errors.element[trained], errors.frame[trained])
    return Gate(calibration, Thresholds(TARGET_EV_A), novelty=novelty)


def _frame_vectors(seen: Seen) -> np.ndarray:
    errors = emt.force_errors(seen.evaluation, seen.pool)
    groups = np.char.add(np.char.add(errors.element, "/"), errors.environment)
    frames = len(seen.pool)
    return frame_vectors(
        seen.evaluation.descriptors[: len(groups)], seen.evaluation.offsets[: frames + 1], groups
    )
