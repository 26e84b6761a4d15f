"""Several potentials with a real spread between them: coverage of the pooled conductance.

Run by `make science`; prints the figures. Four potentials, three seeds each, 30 atoms, runs of one tau, the
potentials' rates scattered by 15 %; the truth is the mean over all potentials.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beamheat_fw.physics.interface.conductance import Contact, HeatedSystem, relaxation_conductance
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K

CAMPAIGNS, MEMBERS, SEEDS, SPREAD, TAU_PS = 100, 4, 3, 0.15, 6.0

pytestmark = pytest.mark.slow


def test_pooled_interval_covers_the_mean_over_potentials(capsys):
    bodies = TwoBodies(90 * BOLTZMANN_EV_PER_K, 900 * BOLTZMANN_EV_PER_K, 30, 300)
    system = HeatedSystem(30, 300, Contact(2.0, "hull"))
    random = np.random.default_rng(1)
    values, total, statistical = [], [], []
    for campaign in range(CAMPAIGNS):
        runs = []
        for member in range(MEMBERS):
            tau_ps = TAU_PS / (1.0 + SPREAD * random.standard_normal())
            experiment = Experiment(bodies, tau_ps, duration_ps=TAU_PS, interval_ps=0.05)
            drawn = draw(experiment, 1000 * campaign + member, SEEDS)
            runs += [replace(run, member=str(member)) for run in drawn]
        result = relaxation_conductance(runs, system)
        scale = TAU_PS / result.tau_ps.value / result.statistical_MW_m2K.value
        without_capacity = np.hypot(result.statistical_MW_m2K.error, result.potential_error_MW_m2K) * scale
        value = result.conductance_MW_m2K.value * scale
        values.append(value)
        total.append(abs(value - 1.0) < without_capacity)
        statistical.append(abs(value - 1.0) < result.statistical_MW_m2K.error * scale)
    with capsys.disabled():
        print(
            f"\npooled: covers {np.mean(total):.2f}, statistical part alone {np.mean(statistical):.2f}, "
            f"bias {np.mean(values) - 1:+.3f}, scatter {np.std(values):.3f}"
        )
    # Three standard errors of a share out of 100 are 0.14.
    assert 0.54 < np.mean(total) < 0.85
    assert abs(np.mean(values) - 1.0) < 0.05
