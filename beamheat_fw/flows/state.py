"""What `next_step` knows of a campaign: plain values, read from the store by whoever calls it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoundState:
    """Where one round stands.

    Attributes
    ----------
    round : int
        0 is the initial training; from 1 on the committee explores first.
    label_ids : tuple of str
        The labels the round asks for, in the order they were chosen.
    committee_id : str or None
        The committee trained at the round's end.
    verdict : str or None
        The convergence verdict on the previous round's committee, from this round's labels.
    label_core_s : tuple of float
        Core seconds that each label is estimated to take, 0 for those that are there; empty where nobody
        has to know.
    """

    round: int
    label_ids: tuple[str, ...] = ()
    committee_id: str | None = None
    verdict: str | None = None
    label_core_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class CampaignState:
    """Where a campaign stands.

    Attributes
    ----------
    rounds : tuple of RoundState
        In order; empty before the first structures are proposed.
    potential_ids : tuple of str
        The members of the newest committee.
    conductance_id, prediction_id : str or None
    """

    rounds: tuple[RoundState, ...] = ()
    potential_ids: tuple[str, ...] = ()
    conductance_id: str | None = None
    prediction_id: str | None = None
