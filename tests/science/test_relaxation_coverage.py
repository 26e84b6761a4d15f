"""A thousand draws of a relaxing particle: coverage and bias of the likelihood, and of the paper's estimator.

Run by `make science`; prints the figures. Series with fluctuation-dissipation noise and fast kinetic noise,
3 k_B an atom, 600 K on 300 K, fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.physics.interface.least_squares import least_squares
from beamheat_fw.physics.interface.relaxation import fit
from beamheat_fw.physics.interface.run_plan import one_run_error
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K

DRAWS = 1000

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("atoms", "support", "tau_ps", "largest_bias"),
    [(38, 300, 6.0, 0.05), (341, 2000, 12.0, 0.01), (1489, 8000, 25.0, 0.01)],
)
def test_68_percent_interval_covers_64_to_72_percent(atoms, support, tau_ps, largest_bias, capsys):
    bodies = TwoBodies(3 * atoms * BOLTZMANN_EV_PER_K, 3 * support * BOLTZMANN_EV_PER_K, atoms, support)
    experiment = Experiment(bodies, tau_ps, duration_ps=3 * tau_ps, interval_ps=tau_ps / 200)
    values, covered, ls_values, ls_covered = [], [], [], []
    for series in draw(experiment, seed=20240, count=DRAWS):
        likelihood = fit([series], bodies).joint
        low, high = likelihood.interval_per_ps()
        values.append(likelihood.bias_reduced.best_per_ps * tau_ps)
        covered.append(low <= 1 / tau_ps <= high)
        rate, error = least_squares(series)
        ls_values.append(rate * tau_ps)
        ls_covered.append(abs(rate - 1 / tau_ps) < error)
    with capsys.disabled():
        print(
            f"\nN = {atoms}: state space covers {np.mean(covered):.3f}, bias {np.mean(values) - 1:+.4f}, "
            f"scatter {np.std(values):.3f} (floor {one_run_error(bodies, 600, 300, 3.0):.3f}); "
            f"least squares covers {np.mean(ls_covered):.3f}, bias {np.mean(ls_values) - 1:+.4f}"
        )
    assert 0.64 <= np.mean(covered) <= 0.72
    assert abs(np.mean(values) - 1) < largest_bias
