"""Carries values of atoms to the ranks that hold them as ghosts, and sums what those give back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from beamheat_fw.drivers.md.decomposed.ranks import Ranks

if TYPE_CHECKING:
    import torch


class GhostExchange:
    """The exchange between owners and holders of ghosts, from point to point.

    A rank without ghosts and without atoms that are ghosts elsewhere takes no part: it can leave out an
    evaluation, and nobody waits for it. Building one is collective.

    Parameters
    ----------
    ranks : Ranks
    own, ghosts : ndarray of int
        Atoms of this rank, ascending, and its ghosts, ordered by owner.
    owners : ndarray of int, shape (N,)
        The rank of each atom.

    Attributes
    ----------
    nlocal, ntotal : int
        Own atoms, and all nodes; with `forward_exchange` and `reverse_exchange` what NequIP asks of LAMMPS'
        ML-IAP interface, in whose place this object stands.
    """

    def __init__(self, ranks: Ranks, own: np.ndarray, ghosts: np.ndarray, owners: np.ndarray) -> None:
        self._comm = ranks.comm
        self.nlocal, self.ntotal = int(own.size), int(own.size + ghosts.size)
        bounds = self.nlocal + np.searchsorted(owners[ghosts], np.arange(ranks.size + 1))
        wanted = np.split(ghosts, bounds[1:-1] - self.nlocal)
        asked = self._comm.alltoall(wanted) if ranks.size > 1 else wanted
        #: Where the ghosts of each owner stand, and which own atoms each holder of ghosts wants.
        self._ghosts = {
            peer: slice(int(bounds[peer]), int(bounds[peer + 1]))
            for peer, ids in enumerate(wanted)
            if ids.size
        }
        self._lent = {peer: np.searchsorted(own, ids) for peer, ids in enumerate(asked) if ids.size}

    def fill(self, values: np.ndarray) -> None:
        """Overwrite the ghosts' rows of a contiguous array of shape (nodes, width) by their owners'."""
        waits = [self._comm.Irecv(values[where], source=peer) for peer, where in self._ghosts.items()]
        lent = [(peer, values[rows]) for peer, rows in self._lent.items()]
        waits += [self._comm.Isend(rows, dest=peer) for peer, rows in lent]
        for wait in waits:
            wait.Wait()

    def give_back(self, values: np.ndarray) -> None:
        """Add the ghosts' rows of a contiguous array of shape (nodes, width) to their owners'; they become 0.

        In the order of the ranks, so that a sum has the same bits every time.
        """
        returned = {
            peer: np.empty((rows.size, *values.shape[1:]), values.dtype) for peer, rows in self._lent.items()
        }
        waits = [self._comm.Irecv(rows, source=peer) for peer, rows in returned.items()]
        waits += [self._comm.Isend(values[where], dest=peer) for peer, where in self._ghosts.items()]
        for wait in waits:
            wait.Wait()
        for peer, rows in returned.items():
            values[self._lent[peer]] += rows
        values[self.nlocal :] = 0.0

    def forward_exchange(self, given: torch.Tensor, result: torch.Tensor, width: int) -> None:
        """Write `given` into `result`, with the ghosts' rows from their owners."""
        result.copy_(given)
        self.fill(result.numpy())

    def reverse_exchange(self, given: torch.Tensor, result: torch.Tensor, width: int) -> None:
        """Write `given` into `result`, with the ghosts' rows added to their owners'."""
        result.copy_(given)
        self.give_back(result.numpy())
