"""Explored frames through the gate and into a round's budget."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.campaign import Campaign
from beamheat_fw.firetasks.judgement import thresholds_of
from beamheat_fw.physics.committee.cover import PoolAtoms
from beamheat_fw.physics.committee.cutouts import CutOutLimits, core_of, cut_out
from beamheat_fw.physics.committee.environments import environments
from beamheat_fw.physics.committee.gate import CANDIDATE, FAILED, Verdict, gate_from
from beamheat_fw.physics.committee.hard_checks import Frame
from beamheat_fw.physics.committee.novelty import learn_novelty
from beamheat_fw.physics.committee.selection import Budget, frame_vectors, select
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
    biased : ndarray of bool, shape (B,)
        Whether a frame's trajectory was drawn towards disagreement.
    atoms : PoolAtoms
        Of the explored frames, by their index, and of those labelled already, by negative numbers. What is
        expected of an atom's error is the committee's spread.
    """

    verdicts: list[Verdict]
    vectors: NDArray[np.float64]
    known: NDArray[np.float64]
    biased: NDArray[np.bool_]
    atoms: PoolAtoms

    def unbiased_counts(self) -> Counter[str]:
        """Count the verdicts on frames of unbiased trajectories: those that production MD would meet."""
        return Counter(one.name for one, biased in zip(self.verdicts, self.biased, strict=True) if not biased)

    def sound_atoms(self) -> PoolAtoms:
        """Return the atoms to choose covering frames by: of no failed frame, standardised, thinned."""
        failed = [number for number, verdict in enumerate(self.verdicts) if verdict.name == FAILED]
        return self.atoms.where(~np.isin(self.atoms.frame, failed)).standardised().thinned()


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
    frame_of_atom = np.repeat(np.arange(len(frames)), np.diff(offsets)) - first
    pool = PoolAtoms(evaluation.descriptors, element, place, frame_of_atom, evaluation.spread_eV_A)
    core = np.concatenate([core_of(atoms) for atoms in frames])
    known = pool.where((frame_of_atom < 0) & core)
    novelty = learn_novelty(known.descriptors, known.element, known.frame)
    gate = gate_from(committee.calibration, thresholds_of(campaign), novelty)
    verdicts = gate.judge(
        [gate_frame(frames[number], evaluation, number) for number in range(first, len(frames))]
    )
    groups = np.char.add(np.char.add(element, "/"), place)
    vectors = frame_vectors(evaluation.descriptors, offsets, groups)
    kept = [
        verdict if atoms.info["offered"] else Verdict(FAILED, str(atoms.info["reason"]))
        for atoms, verdict in zip(explored, verdicts, strict=True)
    ]
    biased = np.array([bool(atoms.info.get("biased", False)) for atoms in explored])
    return JudgedFrames(kept, vectors[first:], vectors[:first], biased, pool.where(core))


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
        np.array([n for n, name in enumerate(names) if name != FAILED and not judged.biased[n]], dtype=int),
        judged.sound_atoms() if stage.diversity == "covering" else None,
    )
    return [
        *((number, "holdout") for number in chosen.holdout),
        *((number, "random") for number in chosen.random),
        *((number, "candidate") for number in chosen.diverse),
    ]


def labelled_piece(atoms: Atoms, role: Role, campaign: Campaign) -> Atoms:
    """Return what is labelled of a chosen frame: all of it, or a cut-out where it is too large.

    A candidate is cut around the atom about which the committee disagrees the most; a frame drawn at random
    around an atom drawn at random, which the frame's own content decides.
    """
    stage = campaign.selection
    if stage.max_label_atoms is None or len(atoms) <= stage.max_label_atoms:
        return atoms
    if role == "candidate":
        centre = int(np.argmax(atoms.arrays["spread_eV_A"]))
    else:
        seed = [campaign.seed, atoms.info["step"], zlib.crc32(str(atoms.info["trajectory"]).encode())]
        centre = int(np.random.default_rng(seed).integers(len(atoms)))
    return cut_out(atoms, centre, CutOutLimits(stage.max_label_atoms, stage.shell_A))


def gate_frame(atoms: Atoms, evaluation: FolderEvaluation, number: int) -> Frame:
    """Return one evaluated frame, the `number`-th of its folder, as the gate looks at it."""
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
