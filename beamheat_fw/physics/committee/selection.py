"""Which frames to label next: diverse candidates, and random frames for an unbiased calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.cover import PoolAtoms, covering_frames

#: Candidates among which covering chooses: so many that are the farthest from all known ones and each other.
MOST_CANDIDATES: Final = 500


@dataclass(frozen=True)
class Selection:
    """The frames chosen, by their index among all frames; none is chosen twice.

    Attributes
    ----------
    holdout, random : tuple of int
        Drawn at random from all frames: never to be trained on, and to calibrate on.
    diverse : tuple of int
        Candidates, in the order of choice: the farthest from all known ones first, or what covers the most.
    """

    holdout: tuple[int, ...]
    random: tuple[int, ...]
    diverse: tuple[int, ...]


@dataclass(frozen=True)
class Budget:
    """How many labels of each kind a round may ask for."""

    holdout: int
    random: int
    diverse: int

    @classmethod
    def of_round(cls, labels: int, random_fraction: float, holdout_fraction: float) -> Budget:
        """Share out the labels of a round."""
        holdout, random = round(holdout_fraction * labels), round(random_fraction * labels)
        return cls(holdout, random, labels - holdout - random)


def select(
    vectors: NDArray[np.float64],
    candidates: NDArray[np.int_],
    known: NDArray[np.float64],
    budget: Budget,
    seed: int,
    eligible: NDArray[np.int_] | None = None,
    cover: PoolAtoms | None = None,
) -> Selection:
    """Choose frames to label.

    Candidates are the farthest points among them, or with `cover` those whose labels leave the least error:
    all of its atoms are compared with all, and at most `MOST_CANDIDATES` frames. With atoms thinned to 16 of
    each element and environment, that takes 0.8 GB and half a minute for 500 frames of 90 atoms left.

    Parameters
    ----------
    vectors : ndarray of float, shape (B, D)
        A descriptor vector for each frame, such as `frame_vectors` gives.
    candidates : ndarray of int, shape (C,)
        Frames that the gate calls candidates.
    known : ndarray of float, shape (K, D)
        Vectors of the frames that are labelled already; K may be zero.
    budget : Budget
        Random frames are drawn first, then the diverse ones. What one kind leaves over stays unused: frames
        that are too alike are not worth a label.
    seed : int
        Of the random draw.
    eligible : ndarray of int, optional
        Frames that may be drawn at random; all by default. Broken frames do not belong here.
    cover : PoolAtoms, optional
        Atoms of the frames, by their index, and of those labelled already, by negative numbers. None of a
        broken frame. What is held out teaches nothing here; what is drawn to be trained on does.
    """
    pool = np.arange(len(vectors)) if eligible is None else np.asarray(eligible, dtype=int)
    drawn = np.random.default_rng(seed).permutation(pool)[: budget.holdout + budget.random].tolist()
    left = np.array([one for one in np.asarray(candidates).tolist() if one not in set(drawn)], dtype=int)
    taken = np.concatenate([np.reshape(known, (-1, vectors.shape[1])), vectors[drawn]])
    if cover is None:
        diverse = left[farthest_points(vectors[left], taken, budget.diverse)].tolist()
    else:
        unlike = left[farthest_points(vectors[left], taken, max(MOST_CANDIDATES, budget.diverse))].tolist()
        labelled = np.unique(cover.frame[cover.frame < 0]).tolist()
        diverse = covering_frames(cover, unlike, labelled, budget.diverse, drawn[budget.holdout :])
    return Selection(tuple(drawn[: budget.holdout]), tuple(drawn[budget.holdout :]), tuple(diverse))


def farthest_points(points: NDArray[np.float64], known: NDArray[np.float64], count: int) -> NDArray[np.int_]:
    """Choose points one by one, each the farthest from all known and chosen ones [1]_.

    Parameters
    ----------
    points : ndarray of float, shape (P, D)
    known : ndarray of float, shape (K, D)
        If K is zero, the first point is the one nearest to the mean.
    count : int
        How many, at most; points at no distance from a chosen one are never chosen.

    Returns
    -------
    ndarray of int
        Indices into `points`, in the order of choice.

    References
    ----------
    .. [1] T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985).
    """
    if not np.isfinite(points).all() or not np.isfinite(known).all():
        raise InputError("A descriptor is not a number", "Leave the frames of broken trajectories out.")
    chosen: list[int] = []
    if not len(points) or count < 1:
        return np.array(chosen, dtype=int)
    if len(known):
        distance = np.min(_squared_distances(points, known), axis=1)
    else:
        chosen.append(int(np.argmin(np.sum((points - points.mean(axis=0)) ** 2, axis=1))))
        distance = np.sum((points - points[chosen[0]]) ** 2, axis=1)
    smallest = 1e-12 * max(1.0, float(np.max(np.sum(points**2, axis=1))))
    while len(chosen) < min(count, len(points)):
        next_one = int(np.argmax(distance))
        if distance[next_one] <= smallest:
            break
        chosen.append(next_one)
        distance = np.minimum(distance, np.sum((points - points[next_one]) ** 2, axis=1))
        distance[next_one] = 0.0
    return np.array(chosen, dtype=int)


def frame_vectors(
    descriptors: NDArray[np.float64],
    offsets: NDArray[np.int_],
    groups: NDArray[np.str_],
    names: tuple[str, ...] | None = None,
) -> NDArray[np.float64]:
    """Return one vector a frame: for each group of atoms the mean and the spread of their descriptors.

    Parameters
    ----------
    descriptors : ndarray of float, shape (N, D)
        Of each atom.
    offsets : ndarray of int, shape (B + 1,)
        Frame b's atoms are ``offsets[b]:offsets[b + 1]``.
    groups : ndarray of str, shape (N,)
        Such as ``element/environment``.
    names : tuple of str, optional
        The groups, in order; those that occur by default. Give them where vectors of two calls are compared.

    Returns
    -------
    ndarray of float, shape (B, 2 D len(names))
        Each half weighted with the root of the group's share of atoms; zero where a frame has none.
    """
    frames = len(offsets) - 1
    frame = np.repeat(np.arange(frames), np.diff(offsets))
    sizes = np.maximum(np.diff(offsets), 1)
    parts = []
    for name in np.unique(groups).tolist() if names is None else names:
        here = groups == name
        counts = np.bincount(frame[here], minlength=frames)
        mean = np.zeros((frames, descriptors.shape[1]))
        square = np.zeros_like(mean)
        np.add.at(mean, frame[here], descriptors[here])
        np.add.at(square, frame[here], descriptors[here] ** 2)
        mean /= np.maximum(counts, 1)[:, None]
        deviation = np.sqrt(np.maximum(square / np.maximum(counts, 1)[:, None] - mean**2, 0.0))
        weight = np.sqrt(counts / sizes)[:, None]
        parts += [weight * mean, weight * deviation]
    return np.concatenate(parts, axis=1)


def _squared_distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    products = one @ other.T
    return np.maximum((one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2.0 * products, 0.0)
