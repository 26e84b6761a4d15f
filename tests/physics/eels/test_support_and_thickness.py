"""The support's subtraction, and mean free paths from scans across a particle."""

import sys
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
from beamheat_fw.physics.eels.moments import EnergyWindows, measure
from beamheat_fw.physics.eels.support import detect_support
from beamheat_fw.physics.eels.thickness import Thickness, ThicknessProfile
from beamheat_fw.physics.rise.measured import Measured

sys.path.insert(0, str(Path(__file__).parent))
from simulated import expected, mean_eV, single_scattering, spectra

FIXED = EnergyWindows(threshold_eV=5.0)
GOLD, CARBON = single_scattering(30.0, 20.0), single_scattering(20.0, 12.0)
PATH_NM, POSITION_NM = 40.0, np.arange(40) * 0.5
PROFILE_NM = 9.0 * np.sqrt(np.maximum(1.0 - ((POSITION_NM - 9.7) / 6.0) ** 2, 0.0))


def on_support(t_over_lambda, support=0.1, electrons=1e6):
    rows = [
        expected([t + support], electrons, (t * GOLD + support * CARBON) / (t + support))[0]
        for t in t_over_lambda
    ]
    return np.array(rows)


@pytest.fixture(scope="module")
def scan():
    counts = np.random.default_rng(21).poisson(on_support(PROFILE_NM / PATH_NM))
    return spectra(counts, step_nm=0.5)


def test_moments_of_support_and_particle_subtract_where_raw_counts_do_not():
    counts = on_support([0.0, 0.3], electrons=1e9)
    result = analyse(spectra(counts), EelsSettings(FIXED, support_positions=(0,)))
    assert result.t_over_lambda[1] == pytest.approx(0.3, rel=1e-3)
    assert result.mean_loss.value.value == pytest.approx(mean_eV(GOLD), rel=1e-3)
    scaled = counts[1] - counts[0]
    energy = spectra(counts).energy_eV
    raw = (scaled * energy)[energy > 5.0].sum() / scaled[energy > 5.0].sum()
    assert raw > 1.15 * mean_eV(GOLD)


def test_nothing_is_subtracted_unless_asked(scan):
    result = analyse(scan, EelsSettings(FIXED))
    assert result.t_over_lambda[:4].mean() == pytest.approx(0.1, rel=0.02)
    assert result.support.positions == ()


def test_support_is_found_beside_the_particle(scan):
    found = detect_support(measure(scan, FIXED), scan.navigation_shape)
    assert set(found) <= {position for position in range(40) if PROFILE_NM[position] == 0.0}
    assert len(found) > 10


def test_support_is_found_around_a_particle_in_a_map():
    y, x = np.mgrid[:12, :14]
    inside = np.maximum(1.0 - ((x - 6.0) / 4.0) ** 2 - ((y - 6.0) / 4.0) ** 2, 0.0)
    counts = np.random.default_rng(4).poisson(on_support(0.3 * np.sqrt(inside).ravel(), electrons=1e5))
    found = detect_support(measure(spectra(counts, (12, 14)), FIXED), (12, 14))
    assert np.all(inside.ravel()[list(found)] == 0.0)
    assert len(found) > 40


def test_uniform_scan_has_no_support():
    counts = np.random.default_rng(6).poisson(on_support(np.full(20, 0.2)))
    with pytest.raises(InputError, match="support alone"):
        detect_support(measure(spectra(counts), FIXED), (20,))


@pytest.mark.parametrize("subtract", [False, True])
def test_mean_free_path_from_the_thickness_given(scan, subtract):
    settings = EelsSettings(FIXED, support_positions=tuple(range(6)) if subtract else ())
    paths = analyse(scan, settings, Thickness(Measured(9.0, 0.09))).paths
    assert abs(paths.mean_free_path_nm.value - PATH_NM) < 3.0 * paths.mean_free_path_nm.error
    assert paths.mean_free_path_nm.error == pytest.approx(0.01 * PATH_NM, rel=0.2)
    assert paths.intercept == pytest.approx(0.0 if subtract else 0.1, abs=2e-3)
    assert paths.dE_dx_eV_nm.value == pytest.approx(mean_eV(GOLD) / PATH_NM, rel=0.01)


def test_half_the_apparent_width_is_the_papers_thickness(scan):
    paths = analyse(scan, EelsSettings(FIXED), Thickness(half_width=True)).paths
    assert paths.thickness_nm == pytest.approx(6.0, rel=0.01)
    assert paths.mean_free_path_nm.value == pytest.approx(6.0 / (9.0 / PATH_NM), rel=0.01)


def test_mean_free_path_from_projected_atoms_finds_where_they_lie(scan):
    profile = ThicknessProfile(POSITION_NM - 3.3, PROFILE_NM)
    paths = analyse(scan, EelsSettings(FIXED), Thickness(profile=profile)).paths
    assert paths.mean_free_path_nm.value == pytest.approx(PATH_NM, rel=0.01)


def test_fitted_profile_is_not_biased_as_the_highest_position_is():
    generator, fitted, highest = np.random.default_rng(31), [], []
    counts = on_support(PROFILE_NM / PATH_NM, electrons=3000.0)
    for _ in range(25):
        result = analyse(
            spectra(generator.poisson(counts), step_nm=0.5),
            EelsSettings(FIXED, support_positions=tuple(range(6))),
            Thickness(Measured(9.0)),
        )
        fitted.append(9.0 / result.paths.mean_free_path_nm.value)
        highest.append(result.t_over_lambda.max())
    truth = 9.0 / PATH_NM
    error = np.std(fitted) / np.sqrt(len(fitted))
    assert abs(np.mean(fitted) - truth) < 3.0 * error
    assert np.mean(highest) - truth > 10.0 * error


def test_mean_free_path_intervals_cover_what_they_claim():
    generator, inside = np.random.default_rng(17), []
    counts = on_support(PROFILE_NM / PATH_NM, electrons=1e5)
    for _ in range(80):
        paths = analyse(
            spectra(generator.poisson(counts), step_nm=0.5), EelsSettings(FIXED), Thickness(Measured(9.0))
        ).paths
        found = paths.mean_free_path_nm
        inside.append(abs(found.value - PATH_NM) < found.error)
    assert 0.52 <= np.mean(inside) <= 0.84


def test_film_of_known_thickness():
    counts = np.random.default_rng(9).poisson(expected(np.full(10, 0.4), 1e5))
    paths = analyse(spectra(counts), EelsSettings(FIXED), Thickness(Measured(20.0, 0.5))).paths
    assert paths.method == "uniform thickness"
    assert paths.mean_free_path_nm.value == pytest.approx(50.0, rel=0.01)
    assert paths.mean_free_path_nm.error / 50.0 == pytest.approx(0.025, rel=0.1)


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_thickness_zero_is_refused(value):
    with pytest.raises(InputError, match="not above zero"):
        Thickness(Measured(value))


def test_scan_without_a_length_scale_gives_no_half_width():
    counts = np.random.default_rng(21).poisson(on_support(PROFILE_NM / PATH_NM))
    with pytest.raises(InputError, match="length scale"):
        analyse(spectra(counts), EelsSettings(FIXED), Thickness(half_width=True))


@pytest.mark.parametrize("positions", [(40,), (-1,), tuple(range(40))])
def test_impossible_support_positions_are_refused(scan, positions):
    with pytest.raises(InputError):
        analyse(scan, EelsSettings(FIXED, support_positions=positions))
