"""Force components that are drawn against the reference, and errors in bins of the spread."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.physics.committee.calibration import calibrate
from beamheat_fw.physics.committee.force_errors import ForceErrors
from beamheat_fw.physics.committee.parity import MOST_DRAWN, binned_errors, force_parity


@pytest.fixture
def errors() -> ForceErrors:
    random = np.random.default_rng(1)
    spread = 0.05 * np.exp(random.normal(size=400))
    deviation = spread[:, None] * random.normal(size=(400, 3)) / np.sqrt(3)
    places = np.repeat(["particle", "support"], 200)
    return ForceErrors(spread, deviation, np.full(400, "Au"), places, np.repeat(np.arange(20), 20))


def test_parity_keeps_the_largest_forces_and_each_pair_together(errors: ForceErrors) -> None:
    reference = np.random.default_rng(2).normal(size=(400, 3))
    found = force_parity(errors, reference)
    assert set(found) == {"particle", "support"}
    here = reference[:200].ravel()
    committee = here + errors.deviation_eV_A[:200].ravel()
    pairs = {(round(a, 4), round(b, 4)) for a, b in zip(here.tolist(), committee.tolist(), strict=True)}
    kept = found["particle"]
    assert len(kept["reference_eV_A"]) == MOST_DRAWN
    assert kept["reference_eV_A"][0] == pytest.approx(here.min(), abs=1e-4)
    assert kept["reference_eV_A"][-1] == pytest.approx(here.max(), abs=1e-4)
    assert set(zip(kept["reference_eV_A"], kept["committee_eV_A"], strict=True)) <= pairs


def test_bins_hold_every_atom_and_the_true_root_mean_square(errors: ForceErrors) -> None:
    found = binned_errors(errors, calibrate(errors))
    assert sum(found["atoms"]) == 400
    squares = np.array(found["error_eV_A"]) ** 2 @ np.array(found["atoms"])
    assert squares == pytest.approx((errors.error_eV_A**2).sum())
    assert found["spread_eV_A"] == sorted(found["spread_eV_A"])
