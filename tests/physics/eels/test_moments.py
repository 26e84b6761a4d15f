"""t/lambda, energy lost and mean loss: exact limits, honest errors, agreement with exspy."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
from beamheat_fw.physics.eels.fourier_log import deconvolve
from beamheat_fw.physics.eels.moments import ENERGY_LOSS, SSD_0, SSD_1, T_OVER_LAMBDA, EnergyWindows, measure
from beamheat_fw.physics.eels.zero_loss import ThresholdSearch, find_threshold, find_zero_loss

sys.path.insert(0, str(Path(__file__).parent))
from simulated import ENERGY_EV, expected, mean_eV, single_scattering, spectra

FIXED = EnergyWindows(threshold_eV=5.0)


def test_without_noise_every_number_is_exact_at_any_thickness():
    thickness = np.array([0.05, 0.3, 1.0, 1.8])
    result = analyse(spectra(expected(thickness, 1e9)), EelsSettings(FIXED))
    loss_eV = mean_eV(single_scattering())
    assert result.t_over_lambda == pytest.approx(thickness, rel=2e-4)
    assert result.energy_loss_eV == pytest.approx(thickness * loss_eV, rel=1e-3)
    assert result.mean_loss_eV == pytest.approx(loss_eV, rel=1e-3)
    assert result.mean_loss.value.value == pytest.approx(loss_eV, rel=1e-3)


def test_first_moment_does_not_feel_the_threshold_while_its_factors_do():
    """A tail of small losses, as metals have: t/lambda falls and the mean loss rises with the threshold."""
    energy = np.arange(2048) * 0.4
    tail = np.where((energy > 0.7) & (energy < 60.0), energy / (energy**2 + 15.0**2), 0.0)
    counts = expected([0.4], 1e9, tail / tail.sum(), fwhm_eV=0.5)
    found = [analyse(spectra(counts), EelsSettings(EnergyWindows(threshold_eV=edge))) for edge in (1.5, 6.0)]
    ratios = [result.t_over_lambda[0] for result in found]
    losses = [result.mean_loss.value.value for result in found]
    assert ratios[1] < 0.97 * ratios[0]
    assert losses[1] > 1.02 * losses[0]
    assert found[0].energy_loss_eV == pytest.approx(found[1].energy_loss_eV, rel=1e-12)


@pytest.mark.parametrize("windows", [FIXED, EnergyWindows()], ids=["given", "found"])
def test_intervals_cover_what_they_claim(windows):
    """1000 draws with a fixed seed: 68 % intervals hold the truth 64 to 72 % of the time."""
    thickness, loss_eV = 0.45, mean_eV(single_scattering())
    draws = np.random.default_rng(71).poisson(np.repeat(expected([thickness], 40000.0), 1000, axis=0))
    result = analyse(spectra(draws), EelsSettings(windows))
    for found, error, truth in (
        (result.t_over_lambda, result.t_over_lambda_error, thickness),
        (result.mean_loss_eV, result.mean_loss_error_eV, loss_eV),
        (result.energy_loss_eV, result.energy_loss_error_eV, thickness * loss_eV),
    ):
        assert 0.64 <= np.mean(np.abs(found - truth) < error) <= 0.72


def test_product_of_log_ratio_and_mean_loss_covers_what_its_covariance_claims():
    """The same draws: t/lambda times <E>, whose errors are correlated, against the known product."""
    truth = 0.45 * mean_eV(single_scattering())
    draws = np.random.default_rng(71).poisson(np.repeat(expected([0.45], 40000.0), 1000, axis=0))
    moments = measure(spectra(draws), FIXED)
    ratio, zeroth, first = (moments.values[:, index] for index in (T_OVER_LAMBDA, SSD_0, SSD_1))
    product = ratio * first / zeroth
    slope = np.zeros_like(moments.values)
    for index, value in ((T_OVER_LAMBDA, ratio), (SSD_0, -zeroth), (SSD_1, first)):
        slope[:, index] = product / value
    joint = np.sqrt(np.einsum("ni,nij,nj->n", slope, moments.covariance, slope))
    assert 0.64 <= np.mean(np.abs(product - truth) < joint) <= 0.72
    apart = np.sqrt(np.einsum("ni,nii,ni->n", slope, moments.covariance, slope))
    assert not 0.64 <= np.mean(np.abs(product - truth) < apart) <= 0.72


def test_pooled_mean_loss_covers_what_it_claims_after_the_supports_subtraction():
    """200 scans of 8 support and 8 particle positions: within three binomial errors of 68 %."""
    gold, support = single_scattering(30.0, 20.0), single_scattering(20.0, 12.0)
    thickness = np.concatenate([np.zeros(8), np.linspace(0.2, 0.5, 8)])
    mixed = [expected([0.1 + t], 30000.0, (t * gold + 0.1 * support) / (0.1 + t))[0] for t in thickness]
    generator, inside = np.random.default_rng(5), []
    settings = EelsSettings(FIXED, support_positions=tuple(range(8)))
    for _ in range(200):
        mean = analyse(spectra(generator.poisson(mixed)), settings).mean_loss.value
        inside.append(abs(mean.value - mean_eV(gold)) < mean.error)
    assert abs(np.mean(inside) - 0.683) < 3.0 * np.sqrt(0.683 * 0.317 / 200)


def test_errors_scale_with_the_gain():
    counts = np.random.default_rng(3).poisson(expected([0.4], 1e5))
    plain = measure(spectra(counts), FIXED)
    scaled = measure(spectra(7.0 * counts), EnergyWindows(threshold_eV=5.0, gain_factor=7.0))
    assert scaled.values == pytest.approx(plain.values)
    assert scaled.covariance == pytest.approx(plain.covariance)


def test_sensitivity_is_the_derivative():
    counts = expected([0.5], 1e6)
    elastic = np.broadcast_to(ENERGY_EV < 5.0, counts.shape)
    weights = np.where(ENERGY_EV > 5.0, ENERGY_EV, 0.0)[None]
    slope = deconvolve(counts, elastic).sensitivity(weights)[0]
    for channel in (14, 18, 60, 90, 200):
        moved = []
        for step in (-1.0, 1.0):
            changed = counts.copy()
            changed[0, channel] += step
            moved.append((weights * deconvolve(changed, elastic).single_scattering()).sum())
        assert slope[channel] == pytest.approx(0.5 * (moved[1] - moved[0]), rel=1e-4, abs=1e-4)


def test_a_position_does_not_depend_on_its_neighbours():
    generator = np.random.default_rng(8)
    rows = [
        expected([t], 1e5, shift_eV=shift)[0]
        for t, shift in zip(np.linspace(0.1, 1.5, 12), np.linspace(-3, 3, 12), strict=True)
    ]
    draws = generator.poisson(rows)
    together = measure(spectra(draws), EnergyWindows())
    for position in range(len(draws)):
        alone = measure(spectra(draws[position : position + 1]), EnergyWindows())
        assert alone.threshold_eV[0] == together.threshold_eV[position]
        assert alone.values[0] == pytest.approx(together.values[position], rel=1e-12)


def test_drift_is_followed_to_a_fraction_of_a_channel():
    shifts = np.linspace(-0.5, 0.5, 9)
    counts = np.concatenate([expected([0.3], 1e8, shift_eV=shift) for shift in shifts])
    centres, _ = find_zero_loss(ENERGY_EV, counts)
    assert centres == pytest.approx(shifts, abs=0.005)
    result = analyse(spectra(counts), EelsSettings(FIXED))
    assert result.energy_loss_eV == pytest.approx(0.3 * mean_eV(single_scattering()), rel=2e-3)


def test_threshold_is_no_plasmon_maximum():
    counts = expected([0.5], 1e6, single_scattering(8.0, 4.0), fwhm_eV=0.8)
    centre, fwhm = find_zero_loss(ENERGY_EV, counts)
    threshold = find_threshold(ENERGY_EV, counts, centre, fwhm, ThresholdSearch())
    assert 1.0 < threshold[0] < 4.8


@pytest.fixture(scope="module")
def exspy_signal():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exspy = pytest.importorskip("exspy")
        counts = np.random.default_rng(11).poisson(expected(np.linspace(0.05, 1.5, 20), 1e5)).astype(float)
        signal = exspy.signals.EELSSpectrum(counts)
    axis = signal.axes_manager.signal_axes[0]
    axis.scale, axis.offset, axis.units = 0.4, -6.0, "eV"
    return signal


@pytest.mark.parametrize("threshold", [2.0, 3.3, 5.0, 8.0])
@pytest.mark.parametrize("signal_range", [None, (-4.0, 110.0)])
def test_log_ratio_is_exspys_to_rounding(exspy_signal, threshold, signal_range):
    windows = EnergyWindows(threshold_eV=threshold, signal_range_eV=signal_range, align=False)
    found = measure(spectra(exspy_signal.data), windows).values[:, T_OVER_LAMBDA]
    # HyperSpy's slices leave out the channel of their end.
    cut = exspy_signal if signal_range is None else exspy_signal.isig[-4.0:110.4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = cut.estimate_thickness(threshold=threshold).data
    assert found == pytest.approx(theirs, rel=1e-12)


def test_single_scattering_distribution_is_exspys(exspy_signal):
    """The zero-loss peak lies clear of the channels at both ends that exspy tapers to zero."""
    counts = np.pad(expected([0.6], 1e5), ((0, 0), (60, 0)))
    elastic = np.arange(700) < 60 + np.searchsorted(ENERGY_EV, 4.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signal = type(exspy_signal)(counts[0].copy())
        zero_loss = type(exspy_signal)(np.where(elastic, counts[0], 0.0))
        theirs = signal.fourier_log_deconvolution(zero_loss).data
    ours = deconvolve(counts, elastic[None]).single_scattering()[0]
    assert ours == pytest.approx(theirs, abs=1e-3 * theirs.max())


def test_flat_topped_zero_loss_peak_is_warned_of():
    counts = np.minimum(np.round(expected([0.4], 1e6)), 1.2e5)
    assert any("saturated" in warning for warning in analyse(spectra(counts), EelsSettings(FIXED)).warnings)


def test_thick_and_drifting_scans_are_warned_of():
    counts = np.concatenate([expected([2.4], 1e6), expected([0.3], 1e6, shift_eV=4.0)])
    found = " ".join(analyse(spectra(counts), EelsSettings(FIXED)).warnings)
    assert "t/lambda is above 2" in found
    assert "drifts over 4" in found


def test_position_without_zero_loss_peak_has_no_result_and_a_warning():
    counts = expected([0.4, 0.5, 0.6], 1e5)
    counts[1, ENERGY_EV < 5.0] = 0.0
    result = analyse(spectra(counts), EelsSettings(FIXED))
    assert result.to_dict()["t_over_lambda"][1] is None
    assert result.t_over_lambda[[0, 2]] == pytest.approx([0.4, 0.6], rel=1e-3)
    assert any("1 of 3 positions" in warning for warning in result.warnings)


def test_spectra_without_any_zero_loss_peak_are_refused():
    counts = expected([0.4], 1e5)
    counts[:, ENERGY_EV < 5.0] = 0.0
    with pytest.raises(InputError, match="no zero-loss peak"):
        measure(spectra(counts), FIXED)


def test_noise_without_a_spectrum_is_refused():
    with pytest.raises(InputError, match="no zero-loss peak"):
        measure(spectra(np.random.default_rng(1).poisson(30.0, (1, 640))), FIXED)


def test_energy_lost_and_log_ratio_are_correlated_as_their_covariance_says():
    draws = np.random.default_rng(2).poisson(np.repeat(expected([0.5], 20000.0), 1000, axis=0))
    moments = measure(spectra(draws), FIXED)
    scatter = np.cov(moments.values[:, [T_OVER_LAMBDA, ENERGY_LOSS]], rowvar=False)
    claimed = moments.covariance[:, :2, :2].mean(axis=0)
    assert scatter == pytest.approx(claimed, rel=0.15)
