"""Real rockets: a database, workers as child processes, and means to kill either."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "rockets"))

from rocket_bench import bench  # noqa: F401
