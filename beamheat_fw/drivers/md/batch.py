"""Frames advanced side by side: flat arrays over all their atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms

from beamheat_fw.errors import InputError

#: Number of bodies of a frame: support (0) and particle (1).
BODIES = 2


@dataclass(frozen=True, eq=False)
class Batch:
    """Independent frames laid out one after the other; N atoms in B frames.

    Attributes
    ----------
    templates : tuple of Atoms
        One frame each; numbers, cell, pbc and info are theirs, positions are only where they start.
    counts : ndarray of int, shape (B,)
        Atoms of each frame.
    frame : ndarray of int, shape (N,)
        The frame of each atom, ascending.
    body : ndarray of int, shape (N,)
        0 support, 1 particle.
    masses_amu : ndarray, shape (N,)
    """

    templates: tuple[Atoms, ...]
    counts: np.ndarray
    frame: np.ndarray
    body: np.ndarray
    masses_amu: np.ndarray

    @classmethod
    def of(cls, structures: Sequence[Atoms]) -> Batch:
        """Lay out `structures`; without an array ``body`` every atom belongs to the particle.

        Raises
        ------
        InputError
            There is no structure, or one of them has no atoms or another body than 0 and 1.
        """
        counts = np.array([len(atoms) for atoms in structures], dtype=int)
        if counts.size == 0 or counts.min() == 0:
            raise InputError(
                "There is nothing to move", "Give at least one structure with at least one atom each."
            )
        body = np.concatenate([_body(atoms) for atoms in structures])
        if not np.isin(body, (0, 1)).all():
            raise InputError(
                "The array 'body' of a structure holds something else than 0 (support) and 1 (particle)",
                "Write 0 for each atom of the support and 1 for each of the particle.",
                {"bodies": str(np.unique(body).tolist())},
            )
        return cls(
            templates=tuple(structures),
            counts=counts,
            frame=np.repeat(np.arange(counts.size), counts),
            body=body,
            masses_amu=np.concatenate([atoms.get_masses() for atoms in structures]),
        )

    def __len__(self) -> int:
        return len(self.templates)

    @property
    def atoms(self) -> int:
        """The number of atoms of all frames together."""
        return int(self.frame.size)

    @cached_property
    def first(self) -> np.ndarray:
        """The index of each frame's first atom; shape (B,)."""
        return np.concatenate(([0], np.cumsum(self.counts)[:-1]))

    @cached_property
    def group(self) -> np.ndarray:
        """A number for each pair of frame and body; shape (N,)."""
        return BODIES * self.frame + self.body

    @cached_property
    def frame_masses_amu(self) -> np.ndarray:
        """The mass of each frame; shape (B,)."""
        return self.per_frame(self.masses_amu)

    @cached_property
    def body_counts(self) -> np.ndarray:
        """Atoms of each body of each frame; shape (B, 2)."""
        return np.bincount(self.group, minlength=BODIES * len(self)).reshape(-1, BODIES)

    def start_positions_A(self) -> np.ndarray:
        """Return the templates' positions; shape (N, 3)."""
        return np.concatenate([atoms.get_positions() for atoms in self.templates])

    def of_template(self, values: np.ndarray) -> np.ndarray:
        """Lay out what holds for the atoms of each frame's template, all frames being alike; shape (N,)."""
        return np.tile(values, len(self))

    def of_frame(self, index: int) -> slice:
        """Return where the atoms of frame `index` stand."""
        return slice(int(self.first[index]), int(self.first[index] + self.counts[index]))

    def per_frame(self, values: np.ndarray) -> np.ndarray:
        """Sum a quantity of the atoms over each frame; shape (N, ...) becomes (B, ...)."""
        return np.add.reduceat(values, self.first, axis=0)

    def largest_per_frame(self, values: np.ndarray) -> np.ndarray:
        """Return the largest of a number of the atoms in each frame; shape (N, ...) becomes (B, ...)."""
        return np.maximum.reduceat(values, self.first, axis=0)

    def normal(self, index: int, generator: np.random.Generator) -> np.ndarray:
        """Draw standard normal numbers for the atoms of frame `index`; shape (n, 3)."""
        return generator.standard_normal((int(self.counts[index]), 3))

    def per_body(self, values: np.ndarray) -> np.ndarray:
        """Sum a number of the atoms over each body of each frame; shape (N,) becomes (B, 2)."""
        return np.bincount(self.group, weights=values, minlength=BODIES * len(self)).reshape(-1, BODIES)

    def keeping(self, frames: Sequence[int]) -> tuple[Batch, np.ndarray]:
        """Return a batch of some of the frames, and the atoms that stay, shape (N',)."""
        kept = np.concatenate([np.arange(self.atoms)[self.of_frame(index)] for index in frames])
        return Batch.of([self.templates[index] for index in frames]), kept


def _body(atoms: Atoms) -> np.ndarray:
    return np.asarray(atoms.arrays["body"], dtype=int) if "body" in atoms.arrays else np.ones(len(atoms), int)
