"""The bench of real rockets."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from rocket_bench import bench, fragile_bench, own_server  # noqa: F401
