"""Train a member and package it; runs in the attempt's folder as a child of `training`.

One process does both, because NequIP's imports take as long as a small training.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from beamheat_fw.drivers.nequip.config import LAST_CHECKPOINT
from beamheat_fw.drivers.nequip.curve import has_diverged, read_curve

CONFIG_FILE = "config.yaml"
PACKAGE_FILE = "model.nequip.zip"
#: Set in the environment where a CUDA device has to be there; otherwise it is taken if it is.
GPU = "BEAMHEAT_GPU"


def main(arguments: Sequence[str]) -> None:
    """Run nequip-train on ``config.yaml`` here, then nequip-package on the last checkpoint.

    The last weights, averaged while the learning rate fell to nothing, and not those of the best epoch: with
    five validation frames that choice is noise, and cost 12 % in the force error of sixty test frames.

    Parameters
    ----------
    arguments : sequence of str
        The loss at which a training has diverged, then the checkpoint to go on from, if there is one.
    """
    _require_device()
    folder = Path.cwd()
    limit, *checkpoint = arguments
    _train(folder, checkpoint[0] if checkpoint else None)
    if not has_diverged(read_curve(folder), float(limit)):
        _package(folder)


def _require_device() -> None:
    if os.environ.get(GPU):
        import torch

        if not torch.cuda.is_available():
            sys.exit(
                "The worker file says gpu: true, but torch sees no CUDA device. Ask the queue for one "
                "(queue.train in the campaign file), load CUDA, or set gpu: false."
            )


def _train(folder: Path, checkpoint: str | None) -> None:
    from nequip.scripts import train

    resume = [f"++ckpt_path={checkpoint}"] if checkpoint else []
    sys.argv = ["nequip-train", "-cp", str(folder), "-cn", CONFIG_FILE.removesuffix(".yaml"), *resume]
    train.main()


def _package(folder: Path) -> None:
    from nequip.scripts import package

    unfinished = folder / f"unfinished_{PACKAGE_FILE}"
    package.main(["build", str(folder / LAST_CHECKPOINT), str(unfinished)])
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.rename(folder / PACKAGE_FILE)


if __name__ == "__main__":
    main(sys.argv[1:])
