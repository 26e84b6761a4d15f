"""Mean free path and dE/dx from maps: the losses summed over a map are those of the particle's volume."""

import sys
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.eels.analysis import EelsSettings, analyse
from beamheat_fw.physics.eels.moments import EnergyWindows
from beamheat_fw.physics.eels.thickness import Thickness, ThicknessProfile
from beamheat_fw.physics.rise.measured import Measured

sys.path.insert(0, str(Path(__file__).parent))
from simulated import expected, mean_eV, single_scattering, spectra

SETTINGS = EelsSettings(EnergyWindows(threshold_eV=5.0), find_support=True)
GOLD, CARBON = single_scattering(30.0, 20.0), single_scattering(20.0, 12.0)
PATH_NM, PIXEL_NM2, SHAPE = 40.0, 0.25, (16, 18)


def particle_nm(row=7.2, column=8.1):
    """The thickness of an ellipsoid, off the map's middle."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 9.0 * np.sqrt(np.maximum(1.0 - ((y - row) / 5.0) ** 2 - ((x - column) / 6.0) ** 2, 0.0))


def counts_of(thickness_nm, electrons=3e5, support=0.1):
    ratios = thickness_nm.ravel() / PATH_NM
    return np.concatenate(
        [expected([t + support], electrons, (t * GOLD + support * CARBON) / (t + support)) for t in ratios]
    )


def map_of(counts, **changed):
    return spectra(counts, SHAPE, **{"step_nm": 0.5, "pixel_area_nm2": PIXEL_NM2, **changed})


def atoms_like(thickness_nm):
    volume_nm3 = float(thickness_nm.sum()) * PIXEL_NM2
    return Thickness(profile=ThicknessProfile(np.arange(SHAPE[1]) * 0.5, thickness_nm[7], volume_nm3))


@pytest.fixture(scope="module")
def counts():
    return counts_of(particle_nm())


def test_volume_over_the_maps_sum_is_the_mean_free_path(counts):
    paths = analyse(
        map_of(np.random.default_rng(3).poisson(counts)), SETTINGS, atoms_like(particle_nm())
    ).paths
    assert paths.method == "the particle's volume over the map"
    assert paths.mean_free_path_nm.value == pytest.approx(PATH_NM, rel=0.01)
    assert paths.dE_dx_eV_nm.value == pytest.approx(mean_eV(GOLD) / PATH_NM, rel=0.01)


def test_where_the_particle_lies_in_the_map_does_not_matter():
    found = [
        analyse(map_of(counts_of(thickness)), SETTINGS, atoms_like(thickness)).paths
        for thickness in (particle_nm(), particle_nm(8.6, 9.4))
    ]
    for paths in found:
        assert paths.mean_free_path_nm.value == pytest.approx(PATH_NM, rel=1e-3)
        assert paths.dE_dx_eV_nm.value == pytest.approx(mean_eV(GOLD) / PATH_NM, rel=2e-3)


def test_intervals_cover_what_they_claim(counts):
    """30 draws: within three binomial errors of 68 %, for the path and for dE/dx."""
    generator, lengths, losses = np.random.default_rng(12), [], []
    settings = EelsSettings(EnergyWindows(threshold_eV=5.0), support_positions=tuple(range(36)))
    few = counts / 300.0
    for _ in range(30):
        paths = analyse(map_of(generator.poisson(few)), settings, atoms_like(particle_nm())).paths
        lengths.append(abs(paths.mean_free_path_nm.value - PATH_NM) < paths.mean_free_path_nm.error)
        losses.append(abs(paths.dE_dx_eV_nm.value - mean_eV(GOLD) / PATH_NM) < paths.dE_dx_eV_nm.error)
    for inside in (lengths, losses):
        assert abs(np.mean(inside) - 0.683) < 3.0 * np.sqrt(0.683 * 0.317 / 30)


def test_support_that_was_not_subtracted_is_refused(counts):
    with pytest.raises(InputError, match="not subtracted"):
        analyse(map_of(counts), EelsSettings(SETTINGS.windows), atoms_like(particle_nm()))


def test_particle_cut_off_by_the_maps_edge_is_refused():
    thickness = particle_nm(column=2.0)
    with pytest.raises(InputError, match="reaches the map's edge"):
        analyse(map_of(counts_of(thickness)), SETTINGS, atoms_like(thickness))


def test_map_without_a_length_scale_is_refused(counts):
    with pytest.raises(InputError, match="no length scale"):
        analyse(map_of(counts, pixel_area_nm2=None), SETTINGS, atoms_like(particle_nm()))


@pytest.mark.parametrize("thickness", [Thickness(Measured(9.0)), Thickness(half_width=True)])
def test_one_thickness_does_not_describe_a_map_of_a_particle(counts, thickness):
    with pytest.raises(InputError, match="does not describe a map"):
        analyse(map_of(counts), SETTINGS, thickness)


def test_map_of_a_film_is_a_film():
    film = np.random.default_rng(5).poisson(expected(np.full(20, 0.4), 1e5))
    paths = analyse(
        spectra(film, (4, 5)), EelsSettings(SETTINGS.windows), Thickness(Measured(20.0, 0.2))
    ).paths
    assert paths.method == "uniform thickness"
    assert paths.mean_free_path_nm.value == pytest.approx(50.0, rel=0.01)


@pytest.mark.parametrize(
    ("thickness", "said"),
    [
        (Thickness(Measured(20.0)), "taken as exact"),
        (Thickness(Measured(20.0, 0.2)), None),
    ],
)
def test_thickness_without_an_error_is_said_to_be_taken_as_exact(thickness, said):
    film = np.random.default_rng(5).poisson(expected(np.full(20, 0.4), 1e5))
    found = " ".join(analyse(spectra(film), EelsSettings(SETTINGS.windows), thickness).warnings)
    assert ("taken as exact" in found) == (said is not None)
