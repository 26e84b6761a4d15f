"""Low-loss analysis of a 256 x 256 x 1024 map against exspy's steps one after another: throughput, memory.

    python tests/benchmarks/bench_eels.py [--side 256] [--exspy-rows 256]

Ours is measured eager and lazy, exspy's steps on as many rows as asked for (all by default): each from the
file to its maps, in a process of its own, so that each has its own peak memory. exspy's steps:
align_zero_loss_peak, estimate_elastic_scattering_threshold, estimate_thickness, fourier_log_deconvolution and
moments. Seconds are processor time, so that other work on the machine does not count. Ours gives the joint
errors of all numbers beside, which exspy does not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

CHANNELS, SCALE_EV, OFFSET_EV = 1024, 0.2, -10.0


def simulate(side: int, seed: int = 1) -> np.ndarray:
    """Return Poisson counts, shape (side, side, 1024), of a particle on a support, as uint16."""
    energy = np.arange(CHANNELS) * SCALE_EV + OFFSET_EV
    zero_loss = np.exp(-0.5 * (energy / 0.4) ** 2)
    zero_loss /= zero_loss.sum()
    plasmon = np.where(energy > 5.0, 1.0 / ((energy - 24.0) ** 2 + 64.0), 0.0)
    plasmon /= plasmon.sum()
    y, x = np.mgrid[:side, :side] / side - 0.5
    thickness = 0.1 + 0.4 * np.sqrt(np.maximum(0.16 - x**2 - y**2, 0.0)) / 0.4
    generator = np.random.default_rng(seed)
    counts = np.empty((side, side, CHANNELS), dtype=np.uint16)
    for row in range(side):
        elastic = np.exp(-thickness[row])[:, None]
        counts[row] = generator.poisson(20000.0 * (elastic * zero_loss + (1.0 - elastic) * plasmon))
    return counts


def ours(path: Path, lazy: bool) -> int:
    """Analyse the map; return its number of spectra."""
    from beamheat_fw.drivers.spectra import read_low_loss
    from beamheat_fw.physics.eels.analysis import analyse

    return len(analyse(read_low_loss(path, lazy)).t_over_lambda)


def exspys(path: Path, rows: int) -> int:
    """Take exspy's steps on the first rows of the map; return the number of spectra."""
    import hyperspy.api as hs

    hs.preferences.General.show_progressbar = False
    signal = hs.load(path).inav[:, :rows]
    signal.change_dtype("float32")
    signal.align_zero_loss_peak(subpixel=True, print_stats=False)
    threshold = signal.estimate_elastic_scattering_threshold(window=8.0)
    signal.estimate_thickness(threshold=threshold)
    edge = signal.axes_manager.signal_axes[0].value2index(3.0)
    zero_loss = signal.deepcopy()
    zero_loss.data[..., edge:] = 0.0
    distribution = signal.fourier_log_deconvolution(zero_loss)
    energy = distribution.axes_manager.signal_axes[0].axis
    means = (distribution.data * energy).sum(-1) / distribution.data.sum(-1)
    return int(means.size)


def measured(name: str, path: Path, rows: int) -> dict[str, float]:
    """Return spectra, processor seconds and the growth of peak memory in MiB; imports are not counted."""
    import exspy  # noqa: F401

    import beamheat_fw.drivers.spectra
    import beamheat_fw.physics.eels.analysis  # noqa: F401

    before = _peak_MiB()
    started = time.process_time()
    spectra = exspys(path, rows) if name == "exspy" else ours(path, name == "lazy")
    seconds = time.process_time() - started
    return {
        "spectra": spectra,
        "seconds": seconds,
        "spectra_per_s": spectra / seconds,
        "peak_memory_growth_MiB": _peak_MiB() - before,
    }


def _peak_MiB() -> float:
    """Return this program's peak memory; getrusage's holds what its parent had when it started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024.0


def in_own_process(name: str, path: Path, rows: int) -> dict[str, float]:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--measure", name, "--file", str(path), "--exspy-rows", str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--exspy-rows", type=int, help="Rows that exspy works on; all by default.")
    parser.add_argument("--measure", choices=("eager", "lazy", "exspy"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = options.exspy_rows or options.side
    if options.measure:
        print(json.dumps(measured(options.measure, options.file, rows)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.hspy"
        counts = simulate(options.side)
        _write(counts, path)
        found = {"map": list(counts.shape), "map_MiB": counts.nbytes / 2**20}
        del counts
        found |= {name: in_own_process(name, path, rows) for name in ("eager", "lazy", "exspy")}
    for name in ("eager", "lazy"):
        found[f"{name}_times_as_fast"] = found[name]["spectra_per_s"] / found["exspy"]["spectra_per_s"]
    print(json.dumps(found, indent=1))


def _write(counts: np.ndarray, path: Path) -> None:
    import exspy

    signal = exspy.signals.EELSSpectrum(counts)
    axis = signal.axes_manager.signal_axes[0]
    axis.scale, axis.offset, axis.units = SCALE_EV, OFFSET_EV, "eV"
    signal.save(path, compression=None, chunks=(8, counts.shape[1], CHANNELS))


if __name__ == "__main__":
    main()
