"""Throughput of low-loss analysis on a 256 x 256 x 1024 map, against exspy's steps one after another.

    python tests/benchmarks/bench_eels.py [--side 256] [--lazy]

exspy's steps run on a part of the map and are scaled to the whole (their time grows with the spectra):
align_zero_loss_peak, estimate_elastic_scattering_threshold, estimate_thickness, fourier_log_deconvolution and
moments. Seconds are processor time, so that other work on the machine does not count. Ours runs on the whole
map, with the joint errors of all numbers, which exspy does not give.
"""

from __future__ import annotations

import argparse
import json
import resource
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


def ours(path: Path, lazy: bool) -> dict[str, float]:
    """Return the seconds and the growth of peak memory, in MiB, from file to maps."""
    from beamheat_fw.drivers.spectra import read_low_loss
    from beamheat_fw.physics.eels.analysis import analyse

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    result = analyse(read_low_loss(path, lazy))
    seconds = time.process_time() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": seconds,
        "spectra_per_s": len(result.t_over_lambda) / seconds,
        "peak_memory_growth_MiB": (after - before) / 1024.0,
    }


def exspys(counts: np.ndarray) -> float:
    """Return the seconds exspy's steps take on these spectra."""
    import exspy
    import hyperspy.api as hs

    hs.preferences.General.show_progressbar = False
    signal = exspy.signals.EELSSpectrum(counts.astype(np.float32))
    axis = signal.axes_manager.signal_axes[0]
    axis.scale, axis.offset, axis.units = SCALE_EV, OFFSET_EV, "eV"
    started = time.process_time()
    signal.align_zero_loss_peak(subpixel=True, print_stats=False)
    threshold = signal.estimate_elastic_scattering_threshold(window=8.0)
    signal.estimate_thickness(threshold=threshold)
    edge = signal.axes_manager.signal_axes[0].value2index(3.0)
    zero_loss = signal.deepcopy()
    zero_loss.data[..., edge:] = 0.0
    distribution = signal.fourier_log_deconvolution(zero_loss)
    energy = distribution.axes_manager.signal_axes[0].axis
    (distribution.data * energy).sum(-1) / distribution.data.sum(-1)
    return time.process_time() - started


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rows", type=int, default=8, help="Rows of the map that exspy works on.")
    parser.add_argument("--lazy", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.hspy"
        counts = simulate(options.side)
        _write(counts, path)
        part = counts[: options.rows].copy()
        size_MiB = counts.nbytes / 2**20
        del counts
        found = {"map": [options.side, options.side, CHANNELS], "map_MiB": size_MiB, "lazy": options.lazy}
        found["ours"] = ours(path, options.lazy)
        found["exspy_seconds_scaled"] = exspys(part) * options.side / options.rows
        found["times_as_fast"] = found["exspy_seconds_scaled"] / found["ours"]["seconds"]
    print(json.dumps(found, indent=1))


def _write(counts: np.ndarray, path: Path) -> None:
    import exspy

    signal = exspy.signals.EELSSpectrum(counts)
    axis = signal.axes_manager.signal_axes[0]
    axis.scale, axis.offset, axis.units = SCALE_EV, OFFSET_EV, "eV"
    signal.save(path, compression=None, chunks=(8, counts.shape[1], CHANNELS))


if __name__ == "__main__":
    main()
