"""Explored frames through the gate and into a round's budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.campaign import Campaign
from beamheat_fw.firetasks.judgement import thresholds_of
from beamheat_fw.physics.environments import environments
from beamheat_fw.physics.gate import CANDIDATE, FAILED, Verdict, gate_from
from beamheat_fw.physics.hard_checks import Frame
from beamheat_fw.physics.novelty import learn_novelty
from beamheat_fw.physics.selection import Budget, frame_vectors, select
from beamheat_fw.store.documents import Committee
from beamheat_fw.store.documents.labels import Role

if TYPE_CHECKING:
    from ase import Atoms

    from beamheat_fw.drivers.nequip.evaluate import FolderEvaluation


@dataclass(frozen=True, eq=False)
class JudgedFrames:
    """The explored frames, judged.

    Attributes
    ----------
    verdicts : list of Verdict
        One for each explored frame.
    vectors : ndarray of float, shape (B, D)
        Their descriptor vectors.
    known : ndarray of float, shape (K, D)
        Those of the frames that are labelled already.
    """

    verdicts: list[Verdict]
    vectors: NDArray[np.float64]
    known: NDArray[np.float64]


def judge_explored(
    frames: Sequence[Atoms],
    explored: Sequence[Atoms],
    evaluation: FolderEvaluation,
    committee: Committee,
    campaign: Campaign,
) -> JudgedFrames:
    """Judge explored frames with all three parts of the gate.

    Parameters
    ----------
    frames : sequence of Atoms
        All frames of the evaluation: the labelled ones, then the explored ones.
    explored : sequence of Atoms
        The explored ones, with exploration's verdict in their info: what failed there stays failed.
    evaluation : FolderEvaluation
    committee : Committee
    campaign : Campaign
    """
    first = len(frames) - len(explored)
    offsets = evaluation.offsets
    element = np.concatenate([np.array(atoms.get_chemical_symbols()) for atoms in frames])
    place = np.concatenate([environments(atoms) for atoms in frames])
    frame_of_atom = np.repeat(np.arange(len(frames)), np.diff(offsets))
    labelled = frame_of_atom < first
    novelty = learn_novelty(evaluation.descriptors[labelled], element[labelled], frame_of_atom[labelled])
    gate = gate_from(committee.calibration, thresholds_of(campaign), novelty)
    verdicts = gate.judge(
        [_frame(frames[number], evaluation, number) for number in range(first, len(frames))]
    )
    groups = np.char.add(np.char.add(element, "/"), place)
    vectors = frame_vectors(evaluation.descriptors, offsets, groups)
    kept = [
        verdict if atoms.info["offered"] else Verdict(FAILED, str(atoms.info["reason"]))
        for atoms, verdict in zip(explored, verdicts, strict=True)
    ]
    return JudgedFrames(kept, vectors[first:], vectors[:first])


def choose(judged: JudgedFrames, campaign: Campaign, seed: int) -> list[tuple[int, Role]]:
    """Choose frames within a round's budget; return their numbers with the role they are labelled in."""
    stage = campaign.selection
    names = [verdict.name for verdict in judged.verdicts]
    chosen = select(
        judged.vectors,
        np.array([number for number, name in enumerate(names) if name == CANDIDATE], dtype=int),
        judged.known,
        Budget.of_round(stage.labels_per_round, stage.random_fraction, stage.holdout_fraction),
        seed,
        np.array([number for number, name in enumerate(names) if name != FAILED], dtype=int),
    )
    return [
        *((number, "holdout") for number in chosen.holdout),
        *((number, "random") for number in chosen.random),
        *((number, "candidate") for number in chosen.diverse),
    ]


def _frame(atoms: Atoms, evaluation: FolderEvaluation, number: int) -> Frame:
    here = slice(evaluation.offsets[number], evaluation.offsets[number + 1])
    return Frame(
        numbers=atoms.numbers,
        body=atoms.arrays["body"],
        positions_A=atoms.positions,
        forces_eV_A=evaluation.forces_eV_A[here],
        cell_A=atoms.cell.array,
        pbc=atoms.pbc,
        spread_eV_A=evaluation.spread_eV_A[here],
        descriptors=evaluation.descriptors[here],
    )
