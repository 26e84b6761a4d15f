"""The paper's particles give its atom counts, areas, volumes and temperatures."""

import numpy as np
import pytest
from ase import Atoms
from ase.cluster import FaceCenteredCubic

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise.beam import Beam
from beamheat_fw.physics.rise.energy_loss import from_paper
from beamheat_fw.physics.rise.heat_flow import HeatFlow, Interface, Particle
from beamheat_fw.physics.rise.materials import element
from beamheat_fw.physics.rise.measured import Measured
from beamheat_fw.physics.rise.particle_shape import ParticleShape, measure_shape
from beamheat_fw.physics.rise.predicting import predict
from beamheat_fw.physics.rise.projected_thickness import profile_along, thickness_map

EV_A2_K_PS_IN_MW_M2K = 16.02176634e6
#: l: atoms, S/A, hull volume nm^3, contact area nm^2, temperature rises in K on TiO2 and hBN.
FIGURE_PARTICLES = {
    0.3: (190521, 0.72, 3097, 287.9, 25.5, 35.2),
    0.6: (231565, 1.28, 3784, 199.7, 44.9, 61.9),
    1.05: (267481, 3.57, 4383, 86.8, 119.8, 165.1),
}

#: The paper's mean free paths in angstrom by beam energy in keV.
PATHS_A = {60.0: 340.0, 80.0: 370.0, 100.0: 489.0, 200.0: 747.0, 300.0: 1047.0}


def layered(layers, surfaces=((1, 1, 1), (-1, -1, -1), (1, 0, 0)), lattice_A=4.08):
    particle = FaceCenteredCubic("Au", list(surfaces), list(layers), latticeconstant=lattice_A)
    particle.rotate((1, 1, 1), (0, 0, 1))
    particle.rotate(75, "z")
    return particle


@pytest.fixture(scope="module")
def shapes() -> dict[float, ParticleShape]:
    surfaces = ((1, 1, 1), (-1, -1, -1), (0, 0, 1))
    return {
        length: measure_shape(layered([40, int(40 * length), 45], surfaces)) for length in FIGURE_PARTICLES
    }


@pytest.mark.parametrize(
    ("layers", "atoms"), [([4, 2, 5], 341), ([5, 3, 6], 627), ([6, 5, 7], 1093), ([7, 4, 8], 1489)]
)
def test_md_particles_have_their_atom_counts(layers, atoms):
    assert measure_shape(layered(layers)).atoms == atoms


def test_hull_volume_falls_short_of_the_atoms_volume_in_small_particles():
    shares = [
        shape.hull_volume_nm3 / shape.volume_nm3
        for shape in (measure_shape(layered([4, 2, 5])), measure_shape(layered([7, 4, 8])))
    ]
    assert shares == pytest.approx([0.68, 0.80], abs=0.01)


@pytest.mark.parametrize("length", FIGURE_PARTICLES)
def test_figure_particles_have_their_shape(shapes, length):
    atoms, ratio, hull_nm3, area_nm2, *_ = FIGURE_PARTICLES[length]
    shape = shapes[length]
    assert shape.atoms == atoms
    assert round(shape.side_area_nm2 / shape.contact_area_nm2, 2) == ratio
    assert round(shape.hull_volume_nm3) == hull_nm3
    assert round(shape.contact_area_nm2, 1) == area_nm2


@pytest.mark.parametrize("length", FIGURE_PARTICLES)
def test_figure_particles_reach_the_papers_temperatures(shapes, length):
    *_, on_TiO2_K, on_hBN_K = FIGURE_PARTICLES[length]
    shape = shapes[length]
    particle = Particle(Measured(shape.column_volume_nm3), Measured(shape.contact_area_nm2), element("Au"))
    beam = Beam(80.0, Measured(1e7))
    for conductance, expected_K in ((5.1e-6, on_TiO2_K), (3.7e-6, on_hBN_K)):
        interface = Interface(Measured(conductance * EV_A2_K_PS_IN_MW_M2K))
        rise = predict(HeatFlow(particle, beam, interface), from_paper(80.0))
        assert float(rise.delta_T_K.value) == pytest.approx(expected_K, rel=0.005)


@pytest.mark.parametrize("length", FIGURE_PARTICLES)
@pytest.mark.parametrize("dose_rate", [1e5, 1e6, 1e7])
def test_figure_particles_follow_the_papers_formula_at_its_energies(shapes, length, dose_rate):
    """P = D <E> (t/lambda) S and Delta T = P/(k A), in eV, angstrom and picoseconds, on TiO2 and hBN."""
    shape = shapes[length]
    particle = Particle(Measured(shape.column_volume_nm3), Measured(shape.contact_area_nm2), element("Au"))
    thickness_A, side_A2 = 10.0 * shape.mean_thickness_nm, 100.0 * shape.side_area_nm2
    for conductance, on_80_keV_K in (
        (5.1e-6, FIGURE_PARTICLES[length][4]),
        (3.7e-6, FIGURE_PARTICLES[length][5]),
    ):
        interface = Interface(Measured(conductance * EV_A2_K_PS_IN_MW_M2K))
        for energy_keV, path_A in PATHS_A.items():
            power_eV_ps = dose_rate * 1e-12 * 44.3 * thickness_A / path_A * side_A2
            expected_K = power_eV_ps / (conductance * 100.0 * shape.contact_area_nm2)
            flow = HeatFlow(particle, Beam(energy_keV, Measured(dose_rate)), interface)
            found_K = float(predict(flow, from_paper(energy_keV)).delta_T_K.value)
            assert found_K == pytest.approx(expected_K, rel=1e-6)
            assert found_K == pytest.approx(on_80_keV_K * 370.0 / path_A * dose_rate / 1e7, rel=0.005)


def test_shape_does_not_depend_on_how_the_beam_axis_is_written(shapes):
    particle = layered([5, 3, 6])
    assert measure_shape(particle, "y") == measure_shape(particle, (0.0, 2.0, 0.0))
    turned = particle.copy()
    turned.rotate(30.0, "z")
    oblique = measure_shape(turned, (-0.5, np.sqrt(0.75), 0.0))
    assert oblique.side_area_nm2 == pytest.approx(measure_shape(particle, "y").side_area_nm2)


def test_thickness_map_holds_the_particles_volume():
    particle = layered([7, 4, 8])
    thickness_nm, across_nm, along_nm = thickness_map(particle, pixel_nm=0.1)
    assert thickness_nm.shape == (len(across_nm), len(along_nm))
    assert thickness_nm.sum() * 0.01 == pytest.approx(measure_shape(particle).volume_nm3, rel=1e-6)
    profile = profile_along(particle)
    assert profile.thickness_nm.max() == pytest.approx(thickness_nm.max(), rel=0.1)


@pytest.mark.parametrize("axis", ["w", (0.0, 0.0, 0.0), (1.0, 2.0)])
def test_no_direction_is_refused(axis):
    with pytest.raises(InputError, match="no direction"):
        measure_shape(layered([4, 2, 5]), axis)


def test_flat_particle_is_refused():
    with pytest.raises(InputError, match="span no area"):
        measure_shape(Atoms("Au3", [[0, 0, 0], [2.9, 0, 0], [5.8, 0, 0]]))


def test_scan_along_the_beam_is_refused():
    with pytest.raises(InputError, match="along the beam"):
        profile_along(layered([4, 2, 5]), "y", (0.0, 1.0, 0.0))
