"""Labels: planned once, claimed by one worker at a time, completed or failed for good.

    planned -> running (a lease: owner and expiry) -> completed | failed
       ^          |
       +----------+  released, or the lease ran out

A label's id is the hash of its structure and its settings, so nobody pays twice for one calculation.
"""

from beamheat_fw.store.labels.claims import LEASE_S, claim, release, renew
from beamheat_fw.store.labels.outcomes import complete, fail, failure_kind, record_attempts, retry
from beamheat_fw.store.labels.planning import Level, Planned, insert_labels, new_label, plan_labels
from beamheat_fw.store.labels.reading import count_states, label_atoms, labels_of_round, load_labels

__all__ = [
    "LEASE_S",
    "Level",
    "Planned",
    "claim",
    "complete",
    "count_states",
    "fail",
    "failure_kind",
    "insert_labels",
    "label_atoms",
    "labels_of_round",
    "load_labels",
    "new_label",
    "plan_labels",
    "record_attempts",
    "release",
    "renew",
    "retry",
]
