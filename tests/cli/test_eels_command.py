"""`beamheat eels` from the outside: its document, and every bad input refused in one message."""

import json
import sys
import warnings

import numpy as np
import pytest
from ase.build import bulk
from ase.cluster import FaceCenteredCubic

from beamheat_fw.cli.main import run
from beamheat_fw.drivers.spectra import read_low_loss
from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
from beamheat_fw.physics.eels.moments import EnergyWindows

LINESCAN = "workflows/data/au_on_hbn_linescan.hspy"


@pytest.fixture(scope="module")
def exspy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("exspy")


@pytest.fixture
def write(exspy, tmp_path):
    """Write counts as HyperSpy does, and return the path."""

    def writer(counts, offset=-5.0, scale=0.5, units="eV", name="s.hspy"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signal = exspy.signals.EELSSpectrum(np.asarray(counts))
            axis = signal.axes_manager.signal_axes[0]
            axis.offset, axis.scale = offset, scale
            if units:
                axis.units = units
            path = tmp_path / name
            signal.save(path, overwrite=True)
        return path

    return writer


def hs_load(path):
    import hyperspy.api as hs

    return hs.load(path)


def good(rows=1):
    energy = np.arange(300) * 0.5 - 5.0
    zero_loss = 1e5 * np.exp(-0.5 * (energy / 0.6) ** 2)
    plasmon = 2e3 * np.exp(-0.5 * ((energy - 25.0) / 6.0) ** 2)
    return np.squeeze(np.random.default_rng(1).poisson(np.tile(zero_loss + plasmon, (rows, 1))).astype(float))


def losing(t_over_lambda):
    """Counts without noise whose logarithmic ratio is the one given."""
    energy = np.arange(300) * 0.5 - 5.0
    zero_loss = np.exp(-0.5 * (energy / 0.6) ** 2)
    plasmon = np.exp(-0.5 * ((energy - 25.0) / 4.0) ** 2)
    grown = np.expm1(t_over_lambda)[:, None] * zero_loss.sum() / plasmon.sum() * plasmon
    return 1e5 * (zero_loss + grown)


def refused(capsys, tmp_path, *arguments):
    before = sorted(tmp_path.iterdir())
    assert run(["eels", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.iterdir()) == before
    return captured.err


def document(capsys, *arguments):
    assert run(["eels", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_line_scan_gives_the_figures_it_was_simulated_with(capsys, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    found = document(capsys, LINESCAN, "--support-positions", "0-6,40-47", "--thickness-nm", "12+-0.1")
    assert len(found["t_over_lambda"]) == len(found["energy_loss_per_electron_eV"]) == 48
    assert max(found["t_over_lambda"]) == pytest.approx(12.0 / 37.0, rel=0.01)
    loss = found["mean_energy_loss_eV"]
    assert {"value", "error", "method", "window_eV"} <= set(loss)
    assert loss["method"] == "deconvolved"
    assert abs(loss["value"] - 44.5517) < 3.0 * loss["error"]
    path = found["mean_free_path_nm"]
    assert abs(path["value"] - 37.0) < path["error"]
    assert found["dE_dx_eV_nm"] == pytest.approx(44.5517 / 37.0, rel=0.005)
    assert all(isinstance(warning, str) for warning in found["warnings"])


def test_nothing_is_subtracted_and_no_path_given_unless_asked(capsys, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    found = document(capsys, LINESCAN)
    assert found["t_over_lambda"][0] == pytest.approx(0.08, rel=0.03)
    assert found["support_positions"] == []
    assert "mean_free_path_nm" not in found


def test_support_and_half_width_are_found(capsys, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    found = document(capsys, LINESCAN, "--detect-support", "--half-width")
    assert set(found["support_positions"]) <= {*range(8), *range(39, 48)}
    assert found["mean_free_path_nm"]["value"] == pytest.approx(37.0, rel=0.01)


def test_lazy_reading_changes_nothing(capsys, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    assert document(capsys, LINESCAN) == document(capsys, LINESCAN, "--lazy")


def test_map_keeps_its_navigation_axes(capsys, write):
    found = document(capsys, write(good(12).reshape(3, 4, -1)), "--threshold", "4")
    assert np.shape(found["t_over_lambda"]) == np.shape(found["energy_loss_per_electron_eV"]) == (3, 4)


@pytest.mark.parametrize("suffix", ["hspy", "msa", "zspy"])
def test_formats_that_hyperspy_reads(capsys, write, suffix):
    if suffix == "zspy":
        pytest.importorskip("zarr")
    found = document(capsys, write(good(), name=f"s.{suffix}"), "--threshold", "4")
    assert np.shape(found["t_over_lambda"]) == (1,)
    assert found["t_over_lambda"][0] == pytest.approx(0.18, abs=0.03)


def test_axis_labelled_as_iso_22029_writes_it_is_in_eV(capsys, write):
    assert document(capsys, write(good(), units="Energy Loss (eV)"), "--threshold", "4")["t_over_lambda"]


def test_metadata_of_numpy_numbers_are_read(write, exspy):
    """HDF5 gives a beam energy back as it was stored: an integer of NumPy's, for one."""
    path = write(good())
    signal = hs_load(path)
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", np.int64(200))
    signal.metadata.set_item("Signal.quantity", "Electrons (Counts)")
    signal.metadata.set_item("Signal.Noise_properties.Variance_linear_model.gain_factor", 0.125)
    signal.save(path, overwrite=True)
    spectra = read_low_loss(path)
    assert spectra.beam_energy_keV == 200.0
    assert spectra.electrons_per_count == 0.125
    said = analyse(spectra).warnings
    assert any("--gain-factor 8" in warning for warning in said)
    told = analyse(spectra, EelsSettings(EnergyWindows(gain_factor=8.0))).warnings
    assert not any("--gain-factor" in warning for warning in told)


def test_missing_package_of_a_reader_is_named(capsys, tmp_path, monkeypatch, exspy):
    """TIFF's is blocked, as where it is not installed."""
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for module in ("rsciio.tiff", "rsciio.tiff._api"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    (tmp_path / "s.tif").write_bytes(b"II*\x00")
    assert "pip install tifffile" in refused(capsys, tmp_path, tmp_path / "s.tif")


def test_rounding_below_zero_is_no_negative_count(capsys, write):
    assert document(capsys, write(with_value(-1e-7)), "--threshold", "4")["t_over_lambda"]


def test_a_bare_zero_loss_peak_is_warned_of(capsys, write):
    counts = good()
    counts[18:] = 0.0
    counts[[31, 290]] = 1.0
    found = document(capsys, write(counts), "--threshold", "4")
    assert any("not determined" in warning for warning in found["warnings"])


def test_particle_file_gives_the_mean_free_path(capsys, tmp_path, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    particle = FaceCenteredCubic("Au", [(1, 0, 0), (1, 1, 1)], [25, 25])
    particle.write(tmp_path / "au.xyz")
    found = document(capsys, LINESCAN, "--particle", tmp_path / "au.xyz", "--beam-axis", "z")
    assert found["mean_free_path_nm"]["method"] == "projected atoms"
    assert found["mean_free_path_nm"]["value"] > 0.0


def test_particle_file_gives_the_mean_free_path_of_a_map(capsys, exspy, tmp_path):
    """A cube of gold on a support, in a map of 0.5 nm steps: lambda is volume over the summed t/lambda."""
    particle = bulk("Au", cubic=True) * (10, 10, 10)
    particle.write(tmp_path / "au.xyz")
    ratio = np.full((14, 16), 0.1)
    ratio[3:11, 4:12] += 4.08 / 37.0
    counts = np.random.default_rng(2).poisson(losing(ratio.ravel()).reshape(14, 16, -1)).astype(float)
    signal = exspy.signals.EELSSpectrum(counts)
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = -5.0, 0.5, "eV"
    for navigation in signal.axes_manager.navigation_axes:
        navigation.scale, navigation.units = 0.51, "nm"
    signal.save(tmp_path / "map.hspy")
    given = [tmp_path / "map.hspy", "--particle", tmp_path / "au.xyz", "--threshold", "4"]
    found = document(capsys, *given, "--detect-support")
    assert found["mean_free_path_nm"]["method"] == "the particle's volume over the map"
    assert found["mean_free_path_nm"]["value"] == pytest.approx(37.0, rel=0.01)
    assert any("atoms are taken as they are" in warning for warning in found["warnings"])
    assert run(["eels", *map(str, given)]) == 2
    assert "not subtracted" in capsys.readouterr().err


def test_figure_is_drawn(capsys, tmp_path, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    document(capsys, LINESCAN, "--figure", tmp_path / "f.png")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("shape", "panels"), [((), 1), ((4,), 3), ((2, 3), 5)])
def test_figure_has_a_panel_for_each_thing_that_varies(capsys, write, tmp_path, monkeypatch, shape, panels):
    """A spectrum, and t/lambda and energy lost over the positions if there are several; maps' colour bars."""
    from beamheat_fw.report import eels_figure

    drawn = []
    monkeypatch.setattr(eels_figure, "save_figure", lambda figure, path: drawn.append(figure))
    path = write(good(int(np.prod(shape))).reshape(*shape, -1))
    document(capsys, path, "--threshold", "4", "--figure", tmp_path / "f.png")
    assert len(drawn[0].axes) == panels


def without_peak():
    counts = good()
    counts[:20] = 0.0
    return counts


def with_value(value):
    counts = good()
    counts[100] = value
    return counts


@pytest.mark.parametrize(
    ("counts", "axis", "message"),
    [
        (without_peak(), {}, "zero-loss peak"),
        (good(), {"units": "keV"}, "not calibrated in eV"),
        (good(), {"units": None}, "not calibrated in eV"),
        (good(), {"units": "s"}, "not calibrated in eV"),
        (good(), {"offset": 0.0, "scale": 1.0}, "not calibrated"),
        (good(), {"offset": 500.0}, "core-loss"),
        (with_value(-5.0), {}, "negative counts"),
        (with_value(np.nan), {}, "NaN"),
        (np.array([1000.0]), {}, "no one-dimensional signal"),
    ],
    ids=[
        "no peak",
        "keV",
        "no units",
        "seconds",
        "default axis",
        "core loss",
        "negative",
        "NaN",
        "one channel",
    ],
)
def test_unusable_spectra_are_refused(capsys, tmp_path, write, counts, axis, message):
    assert message in refused(
        capsys, tmp_path, write(counts, **axis), "--figure", tmp_path / "f.png", "--json"
    )


def test_cut_off_and_foreign_files_are_refused(capsys, tmp_path, write):
    path = write(good())
    path.write_bytes(path.read_bytes()[:3000])
    assert "cannot read" in refused(capsys, tmp_path, path)
    path = write(good(), name="s.msa")
    path.write_bytes(path.read_bytes()[:-2000])
    assert "cut off" in refused(capsys, tmp_path, path)
    (tmp_path / "cut.dm3").write_bytes(b"\x00\x00\x00\x03\x00\x00")
    assert "cannot read" in refused(capsys, tmp_path, tmp_path / "cut.dm3")
    (tmp_path / "notes.xyz").write_text("no spectrum")
    assert "cannot read" in refused(capsys, tmp_path, tmp_path / "notes.xyz")
    assert "does not exist" in refused(capsys, tmp_path, tmp_path / "missing.hspy")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--thickness-nm", "0"],
        ["--thickness-nm", "-4"],
        ["--thickness-nm", "thin"],
        ["--thickness-nm", "4", "--half-width"],
        ["--threshold", "-1"],
        ["--threshold", "500"],
        ["--support-positions", "1000"],
        ["--support-positions", "a-b"],
        ["--signal-range", "50", "20"],
        ["--mean-loss-method", "guess"],
        ["--window-length", "4"],
        ["--gain-factor", "0"],
        ["--gain-factor", "nan"],
        ["--threshold", "nan"],
        ["--particle", "missing.xyz"],
    ],
    ids=" ".join,
)
def test_unusable_options_are_refused(capsys, tmp_path, monkeypatch, pytestconfig, arguments):
    monkeypatch.chdir(pytestconfig.rootpath)
    refused(capsys, tmp_path, LINESCAN, *arguments)


def test_negative_counts_of_a_dark_reference_are_kept_when_allowed(capsys, write):
    found = document(capsys, write(with_value(-1.0)), "--allow-negative", "--threshold", "4")
    assert found["t_over_lambda"]
    assert any("negative counts, down to -1" in warning for warning in found["warnings"])
