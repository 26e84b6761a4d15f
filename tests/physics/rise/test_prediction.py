"""Temperature rises: exact limits, budgets, bounds, and the support."""

from math import pi

import numpy as np
import pytest
from scipy.linalg import solve_banded

from beamheat_fw.errors import InputError
from beamheat_fw.physics.rise import temperature
from beamheat_fw.physics.rise.beam import (
    Beam,
    deposited_power_nW,
    dose_rate_e_A2_s,
    illuminated_fraction,
    sphere_points_nm,
)
from beamheat_fw.physics.rise.electron_phonon import ElectronPhonon, bound, electron_phonon_K_per_nW
from beamheat_fw.physics.rise.energy_loss import EnergyLoss, from_pair, from_paper
from beamheat_fw.physics.rise.heat_flow import HeatFlow, Interface, Particle
from beamheat_fw.physics.rise.illuminated_film import support_loss_eV_nm
from beamheat_fw.physics.rise.materials import element, material
from beamheat_fw.physics.rise.measured import Measured, from_causes, parse_measured
from beamheat_fw.physics.rise.predicting import predict
from beamheat_fw.physics.rise.scanning import Visits, transient
from beamheat_fw.physics.rise.support_heating import (
    Support,
    film_K_per_nW,
    half_space_K_per_nW,
    isothermal_half_space_K_per_nW,
)
from beamheat_fw.physics.rise.sweep import sweep

FIGURE_AREAS_NM2 = (287.93, 199.70, 86.82)
TIO2_MW_M2K = 5.1e-6 * 16.02176634e6


def flow(**changed):
    given = {
        "particle": Particle(Measured(3130.0, 62.6), Measured(288.0), element("Au")),
        "beam": Beam(80.0, Measured(1e7, 1e5)),
        "interface": Interface(Measured(80.0, 4.0)),
    }
    return HeatFlow(**{**given, **changed})


def test_a_million_electrons_per_square_angstrom_are_1602_A_per_square_centimetre():
    current_nA = 1602.176634 * pi * (50e-7) ** 2 * 1e9  # on a disc of 100 nm
    assert dose_rate_e_A2_s(Measured(current_nA), 100.0).value == pytest.approx(1e6)


def test_power_is_dose_rate_times_volume_times_loss_per_length():
    electrons_per_s = 1e7 * 100.0 * 20.0  # through 20 nm^2
    expected_nW = electrons_per_s * 1.2 * 15.0 * 1.602176634e-19 * 1e9  # 15 nm thick, 1.2 eV/nm
    assert float(deposited_power_nW(1e7, 1.2, 300.0)) == pytest.approx(expected_nW, rel=1e-12)


def test_relative_errors_add_in_quadrature_and_the_budget_names_them():
    interface = Interface(from_causes(80.0, {"conductance_statistical": 3.2, "conductance_potential": 2.4}))
    loss = EnergyLoss(Measured(1.2, 0.06), 44.3, 37.0, "test")
    rise = predict(flow(interface=interface), loss).delta_T_K
    assert float(rise.error / rise.value) == pytest.approx(
        np.sqrt(0.02**2 + 0.01**2 + 0.05**2 + 0.05**2), rel=1e-6
    )
    total = 0.02**2 + 0.01**2 + 0.05**2 + 0.05**2
    assert rise.budget["conductance_statistical"] == pytest.approx(0.04**2 / total, rel=1e-6)
    assert rise.budget["conductance_potential"] == pytest.approx(0.03**2 / total, rel=1e-6)
    assert sum(float(share) for share in rise.budget.values()) == pytest.approx(1.0)


def test_asymmetric_conductance_gives_its_exact_interval():
    exact = flow(
        particle=Particle(Measured(3130.0), Measured(288.0), element("Au")),
        beam=Beam(80.0, Measured(1e7)),
        interface=Interface(Measured(60.0, 10.0, lower=48.0, upper=72.0)),
    )
    rise = predict(exact, EnergyLoss(Measured(1.2), 44.3, 37.0, "test")).delta_T_K
    assert float(rise.lower) == pytest.approx(float(rise.value) * 60.0 / 72.0)
    assert float(rise.upper) == pytest.approx(float(rise.value) * 60.0 / 48.0)


@pytest.mark.parametrize("lower", [0.0, -30.0])
def test_conductance_compatible_with_zero_leaves_no_upper_bound(lower):
    film = Support(Measured(1.24), None, 5.0, 500.0, material("amorphous C"))
    hot = flow(
        beam=Beam(80.0, Measured(1e7), 50.0),
        interface=Interface(Measured(5.0, 8.0, lower=lower, upper=13.0)),
        support=film,
    )
    document = predict(hot, from_paper(80.0)).to_dict()
    assert document["delta_T_K"]["upper"] is None
    assert 0.0 < document["delta_T_K"]["lower"] < document["delta_T_K"]["value"]
    assert any("without an upper bound" in warning for warning in document["warnings"])


def test_bounds_are_ordered_and_apart_by_the_stopping_powers():
    prediction = predict(flow(), from_paper(80.0))
    bounds = prediction.bounds_K
    assert bounds["eels"] == pytest.approx(float(prediction.delta_T_K.value))
    assert bounds["eels"] < bounds["central"] < bounds["stopping_power"]
    assert 3.6 < bounds["stopping_power"] / bounds["eels"] < 3.8


def test_correlated_errors_of_loss_and_path_cancel_in_their_quotient():
    pair = Measured(44.0, 4.4), Measured(40.0, 4.0)
    assert from_pair(*pair, correlation=1.0).dE_dx_eV_nm.error == pytest.approx(0.0, abs=1e-12)
    independent = from_pair(*pair)
    assert independent.dE_dx_eV_nm.error == pytest.approx(1.1 * np.sqrt(2.0) * 0.1)
    assert "independent" in independent.notes[0]


def test_kicks_and_events_of_the_reference_particles():
    assert float(temperature.kick_K(44.0, temperature.heat_capacity_eV_K(341))) == pytest.approx(
        500.0, rel=0.01
    )
    events = []
    for atoms, area_nm2 in ((341, 2.631), (267481, 86.82)):
        resistance = temperature.interface_K_per_nW(TIO2_MW_M2K, area_nm2)
        tau_ps = temperature.cooling_time_ps(temperature.heat_capacity_eV_K(atoms), resistance)
        rate = temperature.events_per_second(1e7, atoms * 4.08**3 / 4000.0, 37.0)
        events.append(float(rate * tau_ps * 1e-12))
    assert round(events[0], 2) == 0.01
    assert round(events[1], -1) == 190.0


def test_few_events_in_a_cooling_time_are_warned_of():
    small = flow(particle=Particle(Measured(5.78), Measured(2.63), element("Au")))
    prediction = predict(small, from_paper(80.0))
    assert prediction.events_per_tau < 0.02
    assert any("rare spikes" in warning for warning in prediction.warnings)


def test_constriction_on_amorphous_carbon_adds_54_45_and_29_percent():
    shares = [
        float(half_space_K_per_nW(area, 1.24, 1.24) / temperature.interface_K_per_nW(TIO2_MW_M2K, area))
        for area in FIGURE_AREAS_NM2
    ]
    assert [round(100 * share) for share in shares] == [54, 45, 29]


def test_uniform_flux_meets_a_little_more_than_an_isothermal_disc():
    ratio = half_space_K_per_nW(100.0, 1.0, 1.0) / isothermal_half_space_K_per_nW(100.0, 1.0)
    assert float(ratio) == pytest.approx(32.0 / (3.0 * pi**2))


def test_anisotropic_half_space_conducts_by_the_geometric_mean():
    assert half_space_K_per_nW(10.0, 400.0, 4.0) == pytest.approx(half_space_K_per_nW(10.0, 40.0, 40.0))


@pytest.mark.parametrize(
    ("average", "constant"), [("gaussian centre", 0.5772157), ("disc centre", 1.0), ("disc mean", 0.5)]
)
def test_film_resistance_solves_the_heat_equation(average, constant):
    """Integrate -k t r T' = heat within r outwards for the source itself, and compare the constants."""
    diameter, hole, edges = 20.0, 2000.0, np.linspace(0.0, 2000.0, 400001)
    middle = 0.5 * (edges[1:] + edges[:-1])
    reduced = (middle / (0.5 * diameter)) ** 2
    within = 1.0 - np.exp(-reduced) if average == "gaussian centre" else np.minimum(reduced, 1.0)
    drop = within / (2.0 * pi * middle) * np.diff(edges)
    rise = np.append(np.cumsum(drop[::-1])[::-1], 0.0)
    inside = edges <= 0.5 * diameter
    weights = edges[inside]
    numeric = np.average(rise[inside], weights=weights) if average == "disc mean" else rise[0]
    assert float(film_K_per_nW(diameter, hole, 1.0, 1.0, average)) == pytest.approx(numeric, rel=1e-4)
    assert 4.0 * pi * numeric - 2.0 * np.log(2.0 * hole / diameter) == pytest.approx(constant, abs=2e-3)


def test_support_is_film_or_half_space_never_both():
    contact = Measured(288.0)  # radius 9.6 nm
    carbon = Measured(1.24)
    for thickness, expected in (
        (10.0, half_space_K_per_nW(contact.value, 1.24, 1.24)),
        (9.0, film_K_per_nW(2.0 * np.sqrt(288.0 / pi), 500.0, 1.24, 9.0, "disc mean")),
    ):
        parts = predict(flow(support=Support(carbon, None, thickness, 500.0)), from_paper(80.0)).parts
        assert float(parts.spreading_K / parts.power_nW) == pytest.approx(float(expected))


def test_beam_wider_than_the_hole_heats_the_film_within_it():
    """Uniform heat q in a disc held at its rim: q R0^2/(4 k t) at the centre."""
    film = Support(Measured(1.24), None, 10.0, 500.0, material("amorphous C"))
    for beam in (Beam(80.0, Measured(1e3), 5e3), Beam(80.0, Measured(1e3), 1e6, "gaussian")):
        warm = flow(beam=beam, support=film)
        loss = support_loss_eV_nm(film.material, 80.0, 10.0)
        per_area = float(deposited_power_nW(1e3, loss, 10.0))
        rise = float(predict(warm, from_paper(80.0)).parts.support_beam_K)
        assert rise == pytest.approx(per_area * 500.0**2 / (4.0 * 1.24 * 10.0), rel=1e-4)


def test_power_in_the_support_is_known_before_its_rise_is():
    slab = Support(Measured(1.24), None, 30.0, None, material("amorphous C"))
    prediction = predict(flow(beam=Beam(80.0, Measured(1e7), 50.0), support=slab), from_paper(80.0))
    loss = support_loss_eV_nm(slab.material, 80.0, 30.0)
    expected_nW = float(deposited_power_nW(1e7, loss, 30.0 * pi * 25.0**2))
    assert prediction.power_support_nW == pytest.approx(expected_nW)
    assert float(prediction.parts.support_beam_K) == 0.0
    assert any("needs the support's hole radius" in warning for warning in prediction.warnings)


def test_carbon_film_alone_rises_by_tens_of_kelvin_under_the_beam():
    film = Support(Measured(1.24), None, 10.0, 500.0, material("amorphous C"))
    parts = predict(flow(beam=Beam(80.0, Measured(1e7), 25.0), support=film), from_paper(80.0)).parts
    assert 10.0 < float(parts.support_beam_K) < 100.0


def test_film_without_a_rim_is_refused():
    with pytest.raises(InputError, match="hole"):
        predict(flow(support=Support(Measured(1.24), None, 5.0)), from_paper(80.0))


def test_conductance_at_temperature_is_self_consistent():
    warm = flow(interface=Interface(Measured(80.0), slope_per_K=2e-3, reference_K=300.0))
    parts = predict(warm, from_paper(80.0)).parts
    rise = float(parts.interface_K)
    conductance = 80.0 * (1.0 + 2e-3 * 0.5 * rise)
    assert rise == pytest.approx(float(parts.power_nW * temperature.interface_K_per_nW(conductance, 288.0)))


COUPLING = Measured(2.5e16, 1e16)


def with_electrons(electron_phonon, **changed):
    return flow(interface=Interface(Measured(80.0, 4.0), electron_phonon=electron_phonon), **changed)


def test_electron_phonon_resistance_is_a_third_and_a_line_of_the_budget():
    """About a third of the whole on TiO2 at 19 nm, with g = 2.5e16 W m^-3 K^-1."""
    particle = Particle(Measured(19.0 * 200.0), Measured(200.0), element("Au"))
    interface = Interface(Measured(81.7), electron_phonon=ElectronPhonon(COUPLING))
    prediction = predict(flow(particle=particle, interface=interface), from_paper(80.0))
    share = prediction.parts.electron_phonon_K / prediction.parts.total_K
    assert 0.2 < float(share) < 0.35
    assert prediction.delta_T_K.budget["electron_phonon"] > 0.0


def test_undecided_electron_phonon_resistance_raises_the_upper_end_alone():
    loss = from_paper(80.0)
    left_out, undecided, counted = (
        predict(with_electrons(given), loss)
        for given in (None, bound(element("Au")), ElectronPhonon(COUPLING))
    )
    size_K = left_out.systematics_K["electron_phonon"]
    assert float(counted.delta_T_K.value) == pytest.approx(float(left_out.delta_T_K.value) + size_K)
    assert counted.systematics_K == {}
    assert undecided.systematics_K == {"electron_phonon": pytest.approx(size_K)}
    assert undecided.delta_T_K.value == left_out.delta_T_K.value
    assert undecided.delta_T_K.lower == left_out.delta_T_K.lower
    upwards = [float(found.delta_T_K.upper - found.delta_T_K.value) for found in (left_out, undecided)]
    assert upwards[1] == pytest.approx(np.hypot(upwards[0], size_K))
    assert undecided.delta_T_K.budget["electron_phonon"] > 0.3
    assert any("upper end holds it" in warning for warning in undecided.warnings)


def test_electron_phonon_resistance_solves_the_two_temperature_equations():
    """Electrons at 0, lattice held at -1 K at the interface: k_p T'' = g T, no flux at the far end."""
    g, k_p, height = 2.5e16 * 1e-18, 2.5, 19.0  # nW, nm, K
    z, step = np.linspace(0.0, height, 4001, retstep=True)
    slope = k_p / step**2
    matrix = np.zeros((3, len(z)))
    matrix[0, 1:], matrix[1], matrix[2, :-1] = slope, -2.0 * slope - g, slope
    matrix[1, 0], matrix[0, 1] = 1.0, 0.0
    matrix[2, -2] = 2.0 * slope
    lattice = solve_banded((1, 1), matrix, np.append(-1.0, np.zeros(len(z) - 1)))
    taken_nW = -g * np.trapezoid(lattice, z)  # per nm^2, from the electrons
    assert 1.0 / taken_nW == pytest.approx(
        float(electron_phonon_K_per_nW(2.5e16, 2.5, height, 1.0)), rel=1e-5
    )


def test_a_metal_whose_coupling_is_not_known_says_so():
    silver = Particle(Measured(3130.0), Measured(288.0), element("Ag"))
    prediction = predict(with_electrons(bound(silver.material), particle=silver), from_paper(80.0))
    assert prediction.systematics_K == {}
    assert any("coupling is not known" in warning for warning in prediction.warnings)


def test_scanned_beam_reaches_what_a_held_one_does_where_it_stays_long():
    loss, beam = from_paper(80.0), Beam(80.0, Measured(1e4))
    steady_K = float(predict(flow(beam=beam), loss).delta_T_K.value)
    of_mean = transient(flow(beam=beam), loss, 300.0, Visits(10.0, 1e4), averaged=True)
    assert of_mean.held_K == of_mean.peak_K == pytest.approx(1e3 * steady_K)
    assert of_mean.mean_K == pytest.approx(steady_K)
    of_held = transient(flow(beam=beam), loss, 300.0, Visits(1e-4, 1e-3), averaged=False)
    assert of_held.mean_K == pytest.approx(0.1 * steady_K)
    assert of_held.trough_K < of_held.mean_K < of_held.peak_K < of_held.held_K == pytest.approx(steady_K)


def test_pulses_average_to_the_duty_cycle():
    peak, trough = temperature.pulsed_extremes_K(50.0, 300.0, 100.0, 1000.0)
    times = np.linspace(0.0, 1000.0, 200001)
    rising = 50.0 + (trough - 50.0) * np.exp(-times / 300.0)
    falling = peak * np.exp(-(times - 100.0) / 300.0)
    cycle = np.where(times < 100.0, rising, falling)
    assert np.trapezoid(cycle, times) / 1000.0 == pytest.approx(5.0, rel=1e-4)
    assert float(temperature.rise_after(1e9, 50.0, 300.0)) == pytest.approx(50.0)


def test_wide_beam_lights_everything_and_a_gaussian_less():
    points = sphere_points_nm(1000.0)
    assert illuminated_fraction(Beam(80.0, Measured(1.0), 1e4), points) == 1.0
    radius = (750.0 / pi) ** (1 / 3)
    fraction = illuminated_fraction(Beam(80.0, Measured(1.0), 2.0 * radius, "gaussian"), points)
    # mean of exp(-x^2) over the sphere's projected thickness, x = r/R from 0 to 1
    x = np.linspace(0.0, 1.0, 100001)
    assert fraction == pytest.approx(
        np.trapezoid(3.0 * x * np.sqrt(1.0 - x**2) * np.exp(-(x**2)), x), abs=1e-3
    )


def test_narrow_uniform_beam_lights_the_spheres_middle():
    """Within r of a sphere's axis lies the share 1 - (1 - r^2/R^2)^(3/2) of its volume."""
    radius = (750.0 / pi) ** (1 / 3)
    fraction = illuminated_fraction(Beam(80.0, Measured(1.0), radius), sphere_points_nm(1000.0))
    assert fraction == pytest.approx(1.0 - 0.75**1.5, abs=1e-3)


@pytest.mark.parametrize("profile", ["uniform", "gaussian"])
def test_needle_beam_leaves_its_current_times_the_loss_along_the_diameter(profile):
    """However the current is spread: each electron loses dE/dx times the sphere's diameter."""
    radius, diameter_nm = (750.0 / pi) ** (1 / 3), 1.0
    rate = dose_rate_e_A2_s(Measured(2.0), diameter_nm, profile)
    lit = illuminated_fraction(Beam(80.0, rate, diameter_nm, profile), sphere_points_nm(1000.0, 200000))
    power_nW = float(deposited_power_nW(rate.value * lit, 1.2, 1000.0))
    assert power_nW == pytest.approx(2.0 * 1.2 * 2.0 * radius, rel=0.01)  # nA eV/e = nW


@pytest.mark.parametrize(
    ("times", "said"), [(1.0, None), (20.0, "may change its shape"), (60.0, "the particle melts")]
)
def test_melting_and_instability_are_warned_of(times, said):
    hot = predict(flow(beam=Beam(80.0, Measured(1e7 * times))), from_paper(80.0))
    warned = [warning for warning in hot.warnings if "bulk melting point 1337 K" in warning]
    assert len(warned) == (said is not None)
    assert said is None or said in warned[0]


def test_beam_beside_the_particle_misses_it():
    with pytest.raises(InputError, match="misses"):
        illuminated_fraction(
            Beam(80.0, Measured(1.0), 20.0, "uniform", (50.0, 0.0)), sphere_points_nm(1000.0)
        )


def test_sweep_agrees_with_single_predictions():
    dose_rates, energies = np.geomspace(1e4, 1e8, 5), [60.0, 80.0, 300.0]
    table = sweep(flow(), from_paper, energies, dose_rates)
    for i, energy in enumerate(energies):
        for j, dose_rate in enumerate(dose_rates):
            beam = Beam(energy, Measured(dose_rate, 0.01 * dose_rate))
            single = predict(flow(beam=beam), from_paper(energy)).delta_T_K
            assert table.delta_T_K.value[i, j] == pytest.approx(float(single.value))
            assert table.delta_T_K.error[i, j] == pytest.approx(float(single.error))
            assert table.delta_T_K.upper[i, j] == pytest.approx(float(single.upper))


def test_mixed_area_definitions_are_refused():
    with pytest.raises(InputError, match="defined differently"):
        flow(interface=Interface(Measured(80.0), area_definition="atoms"))


def test_scaling_to_another_energy_is_a_cause_of_its_own():
    scaled = from_paper(80.0).at_energy(element("Au"), 80.0, 300.0)
    assert scaled.dE_dx_eV_nm.value < from_paper(80.0).dE_dx_eV_nm.value
    assert dict(scaled.dE_dx_eV_nm.causes)["energy_scaling"] > 0.0


@pytest.mark.parametrize(
    ("text", "value", "interval"),
    [
        ("37", 37.0, (37.0, 37.0)),
        ("37+-3", 37.0, (34.0, 40.0)),
        ("1e7 ± 2e5", 1e7, (9.8e6, 1.02e7)),
        ("60+12-8", 60.0, (52.0, 72.0)),
    ],
)
def test_values_with_errors_are_read(text, value, interval):
    found = parse_measured(text)
    assert found.value == value
    assert found.interval == pytest.approx(interval)


@pytest.mark.parametrize("text", ["", "abc", "37+-", "37+--3", "nan", "37+-inf", "3 7"])
def test_unreadable_values_are_refused(text):
    with pytest.raises(InputError):
        parse_measured(text)
