"""Work of unequal length shared out into chunks that take about equally long."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import ceil


def share_into_chunks(seconds: Sequence[float], aim_s: float, most: int) -> list[list[int]]:
    """Share pieces of work into chunks of about `aim_s`, or less, and of `most` pieces at most.

    There are as few chunks as the aim and the limit allow, and pieces go by falling length into the chunk
    that is the shortest so far (Graham, SIAM J. Appl. Math. 17, 416 (1969)): the longest chunk is longer
    than the mean by less than one piece, and no heavy piece is left for the end. A piece longer than the aim
    is not cut.

    Parameters
    ----------
    seconds : sequence of float
        How long each piece takes.
    aim_s : float
    most : int

    Returns
    -------
    list of list of int
        Indices of pieces, the longest first in each chunk, the longest chunk first.
    """
    count = max(ceil(sum(seconds) / aim_s - 1e-9), ceil(len(seconds) / most))
    chunks: list[list[int]] = [[] for _ in range(min(max(count, 1), len(seconds)))]
    open_chunks = [(0.0, number) for number in range(len(chunks))]
    for piece in sorted(range(len(seconds)), key=lambda index: -seconds[index]):
        length, number = heapq.heappop(open_chunks)
        chunks[number].append(piece)
        if len(chunks[number]) < most:
            heapq.heappush(open_chunks, (length + seconds[piece], number))
    return sorted(chunks, key=lambda chunk: -sum(seconds[piece] for piece in chunk))
