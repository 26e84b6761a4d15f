"""Exploration: the gate ends trajectories one by one, and what is done stays done."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.drivers.md.crew import RankPlace
from beamheat_fw.drivers.md.endings import FINISHED, STOPPED, WALL_TIME
from beamheat_fw.drivers.md.exploration.job import read_frames, stage_explore
from beamheat_fw.drivers.md.exploration.run import RankExploration, in_batches, share_of_rank
from beamheat_fw.drivers.md.judging import judge_of
from beamheat_fw.drivers.md.protocols import CommitteeFile, ExplorationProtocol
from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.gate import Verdict

PROTOCOL = ExplorationProtocol(
    steps=120, timestep_fs=2.0, friction_per_ps=5.0, frame_every=20, checkpoint_every=50
)


@pytest.fixture
def starts(supported, cluster):
    found = []
    for number, atoms in enumerate((supported, cluster, cluster, supported, cluster)):
        atoms = atoms.copy()
        atoms.info = {"trajectory": f"t{number}", "temperature_K": 200.0 + 100.0 * number, "seed": number}
        found.append(atoms)
    return found


def _accurate(look):
    return [Verdict("accurate")] * len(look.batch)


def _exploration(folder, starts, morse, judge=_accurate, protocol=PROTOCOL, rank=0, ranks=1):
    folder.mkdir(exist_ok=True)

    def committee(batch):
        return morse.MorseForces(batch, scales=(0.9, 1.1))

    return RankExploration(starts, protocol, RankPlace(folder, rank, ranks, "key"), committee, judge)


def _by_trajectory(folder):
    frames = {}
    for atoms in read_frames(folder):
        frames.setdefault(atoms.info["trajectory"], []).append(atoms)
    return frames


def test_every_trajectory_gives_its_frames_with_spread_and_forces(tmp_path, starts, morse):
    assert _exploration(tmp_path, starts, morse).run(lambda: False) == FINISHED
    frames = _by_trajectory(tmp_path)
    assert {name: [a.info["step"] for a in found] for name, found in frames.items()} == {
        f"t{number}": [20, 40, 60, 80, 100, 120] for number in range(5)
    }
    atoms = frames["t0"][-1]
    forces = np.linalg.norm(atoms.arrays["mean_forces_eV_A"], axis=1)
    assert atoms.arrays["spread_eV_A"] == pytest.approx(0.1 * forces, abs=1e-6)
    assert atoms.arrays["body"].tolist() == starts[0].arrays["body"].tolist()
    assert atoms.info["time_ps"] == pytest.approx(0.24)
    assert atoms.info["max_spread_eV_A"] == pytest.approx(atoms.arrays["spread_eV_A"].max(), abs=1e-6)
    assert atoms.calc is None


def test_a_failed_trajectory_stops_alone_and_its_frame_is_not_offered(tmp_path, starts, morse):
    def judge(look):
        names = [atoms.info["trajectory"] for atoms in look.batch.templates]
        late = look.batch is not None and len(names) < 5
        return [
            Verdict("failed", "too hot") if name == "t3" or (late and name == "t1") else Verdict("candidate")
            for name in names
        ]

    _exploration(tmp_path / "whole", starts, morse).run(lambda: False)
    _exploration(tmp_path / "cut", starts, morse, judge).run(lambda: False)
    whole, cut = _by_trajectory(tmp_path / "whole"), _by_trajectory(tmp_path / "cut")
    assert {name: len(found) for name, found in cut.items()} == {"t0": 6, "t1": 2, "t2": 6, "t3": 1, "t4": 6}
    assert [a.info["offered"] for a in cut["t3"]] == [False]
    assert cut["t3"][0].info["reason"] == "too hot"
    assert [a.info["offered"] for a in cut["t1"]] == [True, False]
    for name in ("t0", "t2", "t4"):
        assert cut[name][-1].positions == pytest.approx(whole[name][-1].positions, abs=1e-6)


def test_overlapping_atoms_end_their_trajectory_with_the_reason(tmp_path, starts, morse):
    starts[1].positions[0] = starts[1].positions[1] + [0.3, 0.0, 0.0]
    _exploration(tmp_path, starts, morse, judge_of(CommitteeFile(()))).run(lambda: False)
    frames = _by_trajectory(tmp_path)
    assert [a.info["verdict"] for a in frames["t1"]] == ["failed"]
    assert "Å" in frames["t1"][0].info["reason"]
    assert Counter(a.info["verdict"] for name in ("t0", "t2", "t3", "t4") for a in frames[name]) == {
        "unjudged": 24
    }


def test_a_hole_in_the_energy_ends_its_trajectory_also_when_the_run_was_stopped_before_it(
    tmp_path, starts, morse
):
    """From 70 fs on the committee has the second trajectory 1 eV an atom lower; stopped at 60 fs."""

    class WithHole(morse.MorseForces):
        steps = 0

        def __call__(self, positions_A):
            evaluated = super().__call__(positions_A)
            WithHole.steps += 1
            falls = np.zeros(len(evaluated.energies_eV))
            if WithHole.steps > 35 and len(falls) > 1:
                falls[1] = len(starts[1])
            return replace(evaluated, energies_eV=evaluated.energies_eV - falls)

    def exploration():
        return RankExploration(
            starts[1:3],
            replace(PROTOCOL, checkpoint_every=30),
            RankPlace(tmp_path, 0, 1, "key"),
            lambda batch: WithHole(batch, scales=(0.9, 1.1)),
            judge_of(CommitteeFile(())),
        )

    assert exploration().run(lambda: WithHole.steps > 30) == STOPPED
    assert exploration().run(lambda: False) == FINISHED
    frames = _by_trajectory(tmp_path)
    assert [atoms.info["verdict"] for atoms in frames["t1"]] == ["unjudged"] * 6
    assert [atoms.info["verdict"] for atoms in frames["t2"]] == ["unjudged", "failed"]
    # The hole, and what the bath gives between two looks.
    assert frames["t2"][-1].info["reason"].startswith("energy jump of 1")


def test_a_stopped_exploration_goes_on_to_the_same_frames(tmp_path, starts, morse):
    protocol = replace(PROTOCOL, max_batch_atoms=60)
    _exploration(tmp_path / "a", starts, morse, protocol=protocol).run(lambda: False)
    endings = []
    while not endings or endings[-1] == STOPPED:
        asked = iter(range(70))
        run = _exploration(tmp_path / "b", starts, morse, protocol=protocol)
        endings.append(run.run(lambda left=asked: next(left, None) is None))
    assert len(endings) > 3
    first, second = (
        sorted((path.name, path.read_text()) for path in (tmp_path / name).glob("*-*.*"))
        for name in ("a", "b")
    )
    assert first == second
    assert not list((tmp_path / "b").glob("*.ckpt"))


def test_finished_batches_are_not_run_again(tmp_path, starts, morse):
    _exploration(tmp_path, starts, morse).run(lambda: False)

    def refuse(look):
        raise AssertionError("ran again")

    assert _exploration(tmp_path, starts, morse, refuse).run(lambda: False) == FINISHED


def test_a_used_wall_time_keeps_the_frames_there_are(tmp_path, starts, morse):
    protocol = replace(PROTOCOL, steps=10**6, max_wall_s=1.0)
    assert _exploration(tmp_path, starts, morse, protocol=protocol).run(lambda: False) == WALL_TIME
    assert len(read_frames(tmp_path)) >= 5


def test_ranks_share_all_starts_between_them(starts):
    shares = [share_of_rank(starts, rank, 3) for rank in range(3)]
    names = sorted(atoms.info["trajectory"] for share in shares for atoms in share)
    assert names == ["t0", "t1", "t2", "t3", "t4"]
    assert [[len(atoms) for atoms in batch] for batch in in_batches(shares[0] + shares[1], 60)] == [
        [39, 13],
        [39, 13],
    ]


def test_a_rank_without_starts_has_nothing_to_do(tmp_path, starts, morse):
    assert _exploration(tmp_path, starts[:1], morse, rank=1, ranks=2).run(lambda: False) == FINISHED
    assert read_frames(tmp_path) == []


def test_a_start_that_cannot_be_run_is_refused(tmp_path, starts):
    with pytest.raises(InputError, match="share a trajectory"):
        stage_explore(tmp_path, [starts[0], starts[0]], PROTOCOL, CommitteeFile(()))
    del starts[1].info["seed"]
    with pytest.raises(InputError, match="seed"):
        stage_explore(tmp_path, starts, PROTOCOL, CommitteeFile(()))
    assert list(tmp_path.iterdir()) == []
