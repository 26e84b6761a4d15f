"""Calibration of committee spreads, on errors whose distribution is known."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.calibration import Calibration, SpreadMap, calibrate, conformal_quantiles
from beamheat_fw.physics.committee.coverage import (
    STATED,
    cross_examine,
    examine,
    quantile_score,
    uncalibrated_table,
)
from beamheat_fw.physics.committee.force_errors import ForceErrors, error_metrics, error_quantiles

PLACES = ("particle", "interface", "support")


def heavy_tailed(frames: int, seed: int, atoms: int = 60) -> ForceErrors:
    """Errors with Student tails, three times the spread in the particle, more at the interface."""
    random = np.random.default_rng(seed)
    place = np.tile(np.repeat(PLACES, atoms // 3), frames)
    element = np.where(place == "support", "Cu", "Au")
    frame = np.repeat(np.arange(frames), atoms)
    # Frames differ as a whole: errors within one are correlated.
    level = random.lognormal(0.0, 0.3, frames)[frame]
    spread = 0.03 * random.lognormal(0.0, 0.6, frames * atoms)
    factor = np.select([place == "particle", place == "interface"], [3.0, 6.0], 1.5)
    size = level * factor * spread**0.7 * 0.03**0.3
    deviation = size[:, None] * random.standard_t(3, (frames * atoms, 3)) / 3.0
    return ForceErrors(spread, deviation, element, place, frame)


@pytest.fixture(scope="module")
def calibrated() -> Calibration:
    return calibrate(heavy_tailed(150, 1))


def test_stated_coverage_holds_on_new_frames_in_every_environment_and_quintile(calibrated):
    report = examine(calibrated, heavy_tailed(300, 2))
    assert set(report.coverage) == {"all", *PLACES, *(f"spread-quintile-{i}" for i in range(1, 6))}
    for name, found in report.coverage.items():
        for level in STATED:
            tolerance = 0.02 if name == "all" else 0.045
            assert found[f"{level:g}"]["observed"] == pytest.approx(level, abs=tolerance), (name, level)


def test_calibration_scores_better_than_a_constant_and_than_the_raw_spread(calibrated):
    report = examine(calibrated, heavy_tailed(100, 3))
    assert report.score_eV_A < 0.9 * report.constant_score_eV_A
    assert report.score_eV_A < report.uncalibrated_score_eV_A
    assert report.beats_constant


def test_one_gaussian_scale_cannot_meet_68_and_95_percent_together(calibrated):
    errors = heavy_tailed(300, 4)
    scale = np.sqrt(np.mean(np.sum(errors.deviation_eV_A**2, axis=1) / errors.spread_eV_A**2))
    from scipy.stats import chi

    inside = np.mean(errors.error_eV_A <= scale * errors.spread_eV_A * chi.ppf(0.68, 3) / np.sqrt(3.0))
    assert inside > 0.75


def test_worst_atoms_are_found_far_more_often_than_by_chance(calibrated):
    report = examine(calibrated, heavy_tailed(100, 5))
    assert report.recall_worst > 0.2
    assert report.recall_worst_of_fifth > 0.6


def test_useless_spread_is_not_sold_as_better_than_a_constant():
    random = np.random.default_rng(6)
    n = 6000
    errors = ForceErrors(
        random.lognormal(-3, 0.5, n),
        random.normal(0, 0.1, (n, 3)),
        np.full(n, "Au"),
        np.full(n, "particle"),
        np.arange(n) // 60,
    )
    report = cross_examine(errors)
    assert report.score_eV_A == pytest.approx(report.constant_score_eV_A, rel=0.03)
    assert report.recall_worst < 0.12


def test_bound_grows_with_spread_and_with_level(calibrated):
    spread = np.geomspace(1e-4, 10.0, 60)
    element, place = np.full(60, "Au"), np.full(60, "interface")
    bounds = [calibrated.bounds(spread, element, place, level) for level in (0.5, 0.68, 0.95, 0.99)]
    assert all((np.diff(one) >= 0).all() for one in bounds)
    assert all((high >= low).all() for low, high in pairwise(bounds))
    assert bounds[1][-1] / bounds[1][-2] == pytest.approx(spread[-1] / spread[-2])


def test_rare_group_falls_back_to_its_environment_then_to_all():
    errors = heavy_tailed(40, 7)
    element = errors.element.copy()
    element[np.flatnonzero(errors.environment == "interface")[:10]] = "Ti"
    calibration = calibrate(
        ForceErrors(errors.spread_eV_A, errors.deviation_eV_A, element, errors.environment, errors.frame)
    )
    assert "Ti/interface" not in calibration.maps
    assert calibration.map_for("Ti", "interface") is calibration.maps["interface"]
    assert calibration.map_for("O", "elsewhere") is calibration.maps["all"]


def test_an_environment_with_few_atoms_has_quantiles_of_its_own():
    """Errors in the particle twice those of all others, and one atom of it in each of thirty frames."""

    def labels(frames: int, seed: int) -> ForceErrors:
        random = np.random.default_rng(seed)
        place = np.tile(np.repeat(PLACES, [1, 20, 39]), frames)
        spread = 0.03 * random.lognormal(0.0, 0.5, len(place))
        size = spread * np.where(place == "particle", 6.0, 3.0)
        deviation = size[:, None] * random.normal(size=(len(place), 3))
        return ForceErrors(
            spread, deviation, np.full(len(place), "Au"), place, np.repeat(np.arange(frames), 60)
        )

    few = calibrate(labels(30, 11))
    assert few.maps["particle"].atoms == 30
    seen = examine(few, labels(2000, 12)).coverage["particle"]
    # The chance itself is drawn, from a beta distribution with these 30 scores.
    assert seen["0.68"]["observed"] == pytest.approx(0.68, abs=3 * 0.084)
    assert seen["0.95"]["observed"] > 0.85
    assert (
        examine(Calibration({"all": few.maps["all"]}, 30), labels(2000, 12)).coverage["particle"]["0.68"][
            "observed"
        ]
        < 0.4
    )
    assert "particle" not in calibrate(labels(12, 13)).maps


def test_calibration_survives_json(calibrated):
    again = Calibration.from_dict(json.loads(json.dumps(calibrated.to_dict())))
    errors = heavy_tailed(5, 8)
    arguments = (errors.spread_eV_A, errors.element, errors.environment, 0.68)
    np.testing.assert_allclose(again.bounds(*arguments), calibrated.bounds(*arguments), rtol=1e-13)
    with pytest.raises(InputError, match="no calibration"):
        Calibration.from_dict({"maps": {}})


@pytest.mark.parametrize("name", ["uniform", "exponential", "lognormal"])
@pytest.mark.parametrize(("scores", "level"), [(11, 0.68), (25, 0.95), (30, 0.95), (30, 0.68)])
def test_conformal_quantile_covers_a_new_score_with_nearly_the_stated_chance(name, scores, level):
    """The next larger score would hold too often; of that excess at most 60 % is left, and no lack made."""
    random = np.random.default_rng(9)
    draws = getattr(random, name)(size=(20000, scores))
    bounds = np.array([conformal_quantiles(one, np.array([level]))[0] for one in draws])
    next_larger = np.ceil((scores + 1) * level) / (scores + 1)
    found = np.mean(getattr(random, name)(size=20000) <= bounds)
    assert level - 0.008 <= found <= level + 0.6 * (next_larger - level)


def test_conformal_quantile_beyond_all_scores_is_the_largest():
    found = conformal_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.25, 0.5, 0.95]))
    assert found.tolist() == [1.0, 2.0, 3.0]


def test_equal_spreads_give_one_constant_bound():
    n = 400
    errors = ForceErrors(
        np.zeros(n),
        np.random.default_rng(1).normal(size=(n, 3)),
        np.full(n, "Au"),
        np.full(n, "particle"),
        np.arange(n) // 40,
    )
    bound = calibrate(errors).bounds(np.zeros(3), np.full(3, "Au"), np.full(3, "particle"), 0.68)
    assert bound == pytest.approx(np.full(3, np.quantile(errors.error_eV_A, 0.68)), rel=0.05)


def test_score_of_the_true_distribution_is_best_and_equals_the_known_crps():
    random = np.random.default_rng(10)
    width = random.uniform(0.5, 2.0, 40000)
    error = np.linalg.norm(width[:, None] / np.sqrt(3.0) * random.normal(size=(40000, 3)), axis=1)
    right = quantile_score(uncalibrated_table(width), error)
    assert right < quantile_score(uncalibrated_table(1.3 * width), error)
    assert right < quantile_score(uncalibrated_table(0.7 * width), error)


def test_too_few_labels_and_broken_numbers_are_refused():
    with pytest.raises(InputError, match="too few labels"):
        calibrate(heavy_tailed(1, 1))
    errors = heavy_tailed(3, 1)
    broken = errors.deviation_eV_A.copy()
    broken[100, 1] = np.nan
    with pytest.raises(InputError, match="not a number"):
        ForceErrors(errors.spread_eV_A, broken, errors.element, errors.environment, errors.frame)
    with pytest.raises(InputError, match="do not fit"):
        ForceErrors(
            errors.spread_eV_A[:-1], errors.deviation_eV_A, errors.element, errors.environment, errors.frame
        )


def test_error_metrics_are_component_wise_and_by_environment():
    deviation = np.array([[3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    errors = ForceErrors(
        np.ones(2), deviation, np.array(["Au", "O"]), np.array(["interface", "support"]), np.array([0, 0])
    )
    metrics = error_metrics(errors)
    assert metrics["interface"]["force_mae_eV_A"] == pytest.approx(7 / 3)
    assert metrics["all"]["force_rmse_eV_A"] == pytest.approx(np.sqrt(25 / 6))
    assert metrics["support"]["force_rmse_eV_A"] == 0.0


def test_interval_of_an_error_quantile_widens_when_frames_differ():
    alike, different = heavy_tailed(40, 11), heavy_tailed(40, 11)
    factor = np.where(different.frame % 2 == 0, 0.2, 3.0)[:, None]
    different = ForceErrors(
        different.spread_eV_A,
        different.deviation_eV_A * factor,
        different.element,
        different.environment,
        different.frame,
    )

    def relative_width(errors: ForceErrors) -> float:
        found = error_quantiles(errors, 0.68)["all"]
        assert found["low_eV_A"] <= found["value_eV_A"] <= found["high_eV_A"]
        return (found["high_eV_A"] - found["low_eV_A"]) / found["value_eV_A"]

    assert relative_width(different) > 2 * relative_width(alike)


def test_map_beyond_the_last_knot_is_proportional_to_the_spread():
    one = SpreadMap(np.array([0.1, 0.2]), np.array([0.3, 0.5]), np.linspace(0.1, 3, 22), 2.0, 100)
    assert one.expected(np.array([0.0, 0.1, 0.15, 0.2, 0.4])) == pytest.approx([0.3, 0.3, 0.4, 0.5, 1.0])
