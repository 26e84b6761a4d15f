"""Run the benchmarks, each in a process of its own: ``python -m tests.benchmarks [NAME ...]``.

A benchmark is a program ``bench_NAME.py`` beside this file that prints what it measured. Without names all of
them run; nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def benchmarks() -> dict[str, Path]:
    """Return the benchmarks by name."""
    return {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}


def run(name: str, program: Path) -> bool:
    """Run one benchmark, its output going to the terminal; return whether it succeeded."""
    print(f"== {name}", flush=True)
    started = time.monotonic()
    # Benchmarks import each other, and what the tests have.
    paths = os.pathsep.join([str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": paths}
    ended = subprocess.run([sys.executable, program], env=environment, check=False)
    outcome = "done" if ended.returncode == 0 else f"failed with status {ended.returncode}"
    print(f"-- {name}: {outcome} in {time.monotonic() - started:.1f} s\n", flush=True)
    return ended.returncode == 0


def main() -> int:
    """Run what was asked for; return 1 when one of them failed."""
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    names = parser.parse_args().names or list(known)
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    return 0 if all([run(name, known[name]) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
