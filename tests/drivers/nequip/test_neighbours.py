"""Neighbour lists hold every pair within the cutoff, and no other, however the atoms move."""

import itertools

import numpy as np
import pytest

from beamheat_fw.drivers.nequip.frames import Frames
from beamheat_fw.drivers.nequip.neighbours import Edges, NeighbourList

CELL = np.array([[8.0, 0.0, 0.0], [2.0, 7.0, 0.0], [0.0, 0.0, 15.0]])


def frames_of(pbc: list[tuple[bool, bool, bool]], atoms_each: int) -> Frames:
    return Frames(
        numbers=np.full(len(pbc) * atoms_each, 29),
        frame_of_atom=np.repeat(np.arange(len(pbc)), atoms_each),
        cells=np.stack([CELL] * len(pbc)),
        pbc=np.array(pbc),
    )


def pairs_of(edges: Edges) -> set[tuple[int, ...]]:
    cells = np.rint(edges.shifts_A @ np.linalg.inv(CELL)).astype(int)
    return set(zip(*edges.index.tolist(), *cells.T.tolist(), strict=True))


def pairs_by_brute_force(frames: Frames, positions: np.ndarray, r_max: float) -> set[tuple[int, ...]]:
    found = set()
    for frame, pbc in enumerate(frames.pbc):
        atoms = np.flatnonzero(frames.frame_of_atom == frame)
        for shift in itertools.product(*(range(-3, 4) if periodic else (0,) for periodic in pbc)):
            vectors = positions[atoms] + np.array(shift) @ CELL - positions[atoms][:, np.newaxis]
            near = np.linalg.norm(vectors, axis=-1) < r_max
            if not any(shift):
                np.fill_diagonal(near, False)
            found |= {(int(atoms[i]), int(atoms[j]), *shift) for i, j in np.argwhere(near)}
    return found


@pytest.mark.parametrize("skin_A", [0.0, 0.6])
def test_pairs_equal_brute_force_while_atoms_move(skin_A: float) -> None:
    rng = np.random.default_rng(3)
    frames = frames_of([(True, True, False), (False, False, False), (True, True, True)], atoms_each=12)
    positions = rng.uniform(-4.0, 12.0, (36, 3))
    neighbours = NeighbourList(frames, r_max_A=4.0, skin_A=skin_A)
    for _ in range(6):
        edges = neighbours.edges(positions)
        assert pairs_of(edges) == pairs_by_brute_force(frames, positions, 4.0)
        positions = positions + rng.normal(0.0, 0.07, positions.shape)
    assert neighbours.searches == 6 if skin_A == 0.0 else 1 < neighbours.searches < 6


def test_search_waits_until_an_atom_moved_half_the_skin() -> None:
    frames = frames_of([(True, True, False)], atoms_each=2)
    positions = np.array([[0.0, 0.0, 5.0], [2.0, 0.0, 5.0]])
    neighbours = NeighbourList(frames, r_max_A=4.0, skin_A=0.5)
    neighbours.edges(positions)
    neighbours.edges(positions + np.array([0.249, 0.0, 0.0]))
    assert neighbours.searches == 1
    neighbours.edges(positions + np.array([0.251, 0.0, 0.0]))
    assert neighbours.searches == 2


@pytest.mark.parametrize(("distance_A", "moves_A"), [(3.51, 0.249), (4.49, -0.249)])
def test_pairs_cross_the_cutoff_between_searches(distance_A: float, moves_A: float) -> None:
    frames = frames_of([(True, True, False)], atoms_each=2)
    positions = np.array([[0.0, 0.0, 5.0], [0.0, 0.0, 5.0 + distance_A]])
    neighbours = NeighbourList(frames, r_max_A=4.0, skin_A=0.5)
    for outwards in (0.0, moves_A, 0.0):
        apart = positions + np.array([[0.0, 0.0, -outwards], [0.0, 0.0, outwards]])
        assert pairs_of(neighbours.edges(apart)) == pairs_by_brute_force(frames, apart, 4.0)
    assert neighbours.searches == 1


def test_vectors_lead_from_an_atom_to_its_neighbours_image() -> None:
    frames = frames_of([(True, True, False)], atoms_each=5)
    positions = np.random.default_rng(1).uniform(0.0, 8.0, (5, 3))
    edges = NeighbourList(frames, r_max_A=5.0).edges(positions)
    first, second = edges.index
    expected = positions[second] + edges.shifts_A - positions[first]
    np.testing.assert_allclose(edges.vectors_A, expected, atol=1e-12)
