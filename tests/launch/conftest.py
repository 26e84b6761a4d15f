"""Real rockets: a database, workers as child processes, and means to kill either."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "rockets"))

from rocket_bench import bench, fragile_bench, own_server, server_to_kill  # noqa: F401
