"""One rank's share of a system: a batch of one frame whose sums run over all ranks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms

from beamheat_fw.drivers.md.batch import BODIES, Batch
from beamheat_fw.drivers.md.decomposed.ranks import Ranks


@dataclass(frozen=True, eq=False)
class Share(Batch):
    """The atoms one rank owns of a frame of N; arrays over atoms have n rows, and n may be 0.

    Sums and maxima over the frame or its bodies are over all ranks, and every rank has to ask for them.

    Attributes
    ----------
    ids : ndarray of int, shape (n,)
        Which atoms of the template, ascending.
    ranks : Ranks
    """

    ids: np.ndarray
    ranks: Ranks

    @classmethod
    def taking(cls, system: Atoms, ids: np.ndarray, ranks: Ranks) -> Share:
        """Take the atoms `ids` of a system."""
        whole = Batch.of([system])
        return cls(
            templates=whole.templates,
            counts=whole.counts,
            frame=np.zeros(ids.size, dtype=int),
            body=whole.body[ids],
            masses_amu=whole.masses_amu[ids],
            ids=ids,
            ranks=ranks,
        )

    @cached_property
    def frame_masses_amu(self) -> np.ndarray:
        """The mass of the frame; shape (1,)."""
        return Batch.of(self.templates).frame_masses_amu

    @cached_property
    def body_counts(self) -> np.ndarray:
        """Atoms of each body of the frame; shape (1, 2)."""
        return Batch.of(self.templates).body_counts

    def start_positions_A(self) -> np.ndarray:
        """Return where this rank's atoms start; shape (n, 3)."""
        return self.templates[0].get_positions()[self.ids]

    def of_template(self, values: np.ndarray) -> np.ndarray:
        """Take this rank's atoms' part of what holds for the template's atoms; shape (n,)."""
        return values[self.ids]

    def of_frame(self, index: int) -> slice:
        """Return where the atoms of the one frame stand."""
        return slice(0, self.ids.size)

    def per_frame(self, values: np.ndarray) -> np.ndarray:
        """Sum a quantity of the atoms over the frame; shape (n, ...) becomes (1, ...)."""
        return self.ranks.sum(values.sum(axis=0)[None])

    def largest_per_frame(self, values: np.ndarray) -> np.ndarray:
        """Return the largest value of the frame; shape (n, ...) becomes (1, ...)."""
        nothing = np.full((1, *values.shape[1:]), -np.inf)
        return self.ranks.largest(np.concatenate([values, nothing]).max(axis=0)[None])

    def per_body(self, values: np.ndarray) -> np.ndarray:
        """Sum a number of the atoms over each body; shape (n,) becomes (1, 2)."""
        return self.ranks.sum(np.bincount(self.body, weights=values, minlength=BODIES)[None])

    def normal(self, index: int, generator: np.random.Generator) -> np.ndarray:
        """Draw normal numbers for this rank's atoms; shape (n, 3).

        They are drawn for all atoms on every rank, so that an atom's numbers do not depend on who owns it.
        """
        return generator.standard_normal((int(self.counts[0]), 3))[self.ids]
