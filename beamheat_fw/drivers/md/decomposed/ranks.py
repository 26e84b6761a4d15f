"""What the ranks that share a system tell each other beside atoms: sums, and who is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mpi4py.MPI import Comm


class Ranks:
    """The ranks that share one system; every method but the properties is collective.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    """

    def __init__(self, comm: Comm) -> None:
        self.comm = comm
        self.rank: int = comm.rank
        self.size: int = comm.size

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes files."""
        return self.rank == 0

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum arrays of one shape over the ranks.

        Always in the order of the ranks, unlike MPI's own sum: every rank has the same bits, in every run.
        """
        return values if self.size == 1 else self._everyones(values).sum(axis=0)

    def largest(self, values: np.ndarray) -> np.ndarray:
        """Return the largest of each element over the ranks."""
        return values if self.size == 1 else self._everyones(values).max(axis=0)

    def _everyones(self, values: np.ndarray) -> np.ndarray:
        mine = np.ascontiguousarray(values, dtype=float)
        everyones = np.empty((self.size, *mine.shape))
        self.comm.Allgather(mine, everyones)
        return everyones

    def as_first(self, value: Any) -> Any:
        """Return what the first rank holds."""
        return self.comm.bcast(value, root=0) if self.size > 1 else value

    def whole(self, ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the rows of all atoms, in the atoms' order, on every rank.

        Parameters
        ----------
        ids : ndarray of int, shape (n,)
            The atoms of this rank.
        rows : ndarray, shape (n, ...)
            Theirs.
        """
        if self.size == 1:
            return rows[np.argsort(ids)]
        return _in_order(self.comm.allgather(ids), self.comm.allgather(np.ascontiguousarray(rows)))

    def whole_on_first(self, ids: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        """Return what `whole` does on the first rank, None on all others."""
        everyones = self.comm.gather((ids, np.ascontiguousarray(rows)))
        if everyones is None:
            return None
        return _in_order([ids for ids, _ in everyones], [rows for _, rows in everyones])


def _in_order(ids: list[np.ndarray], rows: list[np.ndarray]) -> np.ndarray:
    joined = np.concatenate(rows)
    whole = np.empty_like(joined)
    whole[np.concatenate(ids)] = joined
    return whole
