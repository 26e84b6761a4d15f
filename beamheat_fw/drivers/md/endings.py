"""How the run of one rank can end, in the words of its outcome file."""

from __future__ import annotations

FINISHED, WALL_TIME, STOPPED, NONE_LEFT = "finished", "wall_time", "stopped", "no_replica_left"
