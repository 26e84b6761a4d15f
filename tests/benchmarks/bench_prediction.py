"""A million predictions in a sweep over dose rate and beam energy, on one core.

    python tests/benchmarks/bench_prediction.py

Seconds are processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import json
import time

import numpy as np

from beamheat_fw.physics.rise.beam import Beam
from beamheat_fw.physics.rise.electron_phonon import bound
from beamheat_fw.physics.rise.energy_loss import from_paper
from beamheat_fw.physics.rise.heat_flow import HeatFlow, Interface, Particle, rise_parts
from beamheat_fw.physics.rise.materials import element
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.sweep import sweep


def main() -> None:
    """Measure and print one JSON document."""
    gold = element("Au")
    flow = HeatFlow(
        Particle(Measured(3130.0, 30.0), Measured(288.0, 3.0), gold),
        Beam(80.0, Measured(1e7, 1e5)),
        Interface(Measured(81.7, 4.0), electron_phonon=bound(gold)),
    )
    energies, dose_rates = np.linspace(60.0, 300.0, 1000), np.geomspace(1e4, 1e8, 1000)
    started = time.process_time()
    table = sweep(flow, from_paper, energies, dose_rates)
    swept = time.process_time() - started
    values = {name: given.value for name, given in flow.inputs(from_paper(80.0).dE_dx_eV_nm).items()}
    started = time.process_time()
    rise_parts(flow, {**values, "dose_rate": np.geomspace(1e4, 1e8, 1_000_000)})
    plain = time.process_time() - started
    print(
        json.dumps(
            {
                "predictions": table.delta_T_K.value.size,
                "seconds_with_intervals_and_budget": swept,
                "seconds_values_alone": plain,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
