"""`beamheat predict` from the outside: its document, its sweeps, and bad input refused in one message."""

import csv
import json

import numpy as np
import pytest
from ase.build import graphene
from ase.cluster import FaceCenteredCubic

from beamheat_fw.cli.main import run

GIVEN = {
    "--volume-nm3": "3130+-30",
    "--contact-area-nm2": "288+-3",
    "--conductance-mw-m2k": "81.7+-4",
    "--dose-rate": "1e7+-1e5",
    "--beam-energy-kev": "80",
}


def arguments(**changed):
    merged = {**GIVEN, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
    return [
        part for name, value in merged.items() if value is not None for part in (name, *str(value).split("|"))
    ]


def document(capsys, given, *more):
    assert run(["predict", *given, *more, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, given):
    assert run(["predict", *given, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    return captured.err


def test_document_has_the_promised_keys(capsys):
    found = document(capsys, arguments())
    for quantity in ("power_nW", "delta_T_K"):
        assert {"value", "error"} <= set(found[quantity])
    assert set(found["bounds_K"]) == {"eels", "central", "stopping_power"}
    for name in ("delta_T_support_K", "events_per_tau", "kick_K"):
        assert isinstance(found[name], float)
    assert sum(found["budget"].values()) == pytest.approx(1.0)
    assert found["inputs"]["volume_nm3"] == {"value": 3130.0, "error": 30.0}
    assert any("interface alone" in warning for warning in found["warnings"])
    assert found["budget"]["electron_phonon"] > 0.0
    assert found["systematics_K"]["electron_phonon"] > 0.0


def test_electron_phonon_resistance_is_bound_counted_or_left_out(capsys):
    undecided, counted, none = (
        document(capsys, arguments(electron_phonon=treatment)) for treatment in (None, "counted", "none")
    )
    size_K = none["systematics_K"]["electron_phonon"]
    assert none["budget"]["electron_phonon"] == 0.0
    assert undecided["delta_T_K"]["value"] == none["delta_T_K"]["value"]
    assert undecided["delta_T_K"]["upper"] > none["delta_T_K"]["upper"]
    assert none["inputs"]["electron_phonon"] is None
    assert counted["inputs"]["electron_phonon"]["coupling_W_m3K"]["value"] == 2.5e16
    assert counted["parts_K"]["electron_phonon"] == pytest.approx(size_K)
    given = document(capsys, arguments(electron_phonon_w_m3k="2.5e16+-1e16"))
    assert given["delta_T_K"] == counted["delta_T_K"]


def test_rise_is_power_over_conductance_and_area(capsys):
    found = document(
        capsys, arguments(mean_free_path_nm="37", mean_energy_loss_ev="44.3", electron_phonon="none")
    )
    power_nW = 1e9 * 3130.0 * 44.3 / 37.0 * 1.602176634e-10
    assert found["power_nW"]["value"] == pytest.approx(power_nW)
    assert found["delta_T_K"]["value"] == pytest.approx(1e3 * power_nW / (81.7 * 288.0))
    relative = np.sqrt((30 / 3130) ** 2 + (3 / 288) ** 2 + (4 / 81.7) ** 2 + 0.01**2)
    assert found["delta_T_K"]["error"] / found["delta_T_K"]["value"] == pytest.approx(relative, rel=1e-5)


def test_table_is_taken_and_interpolation_is_said(capsys):
    assert document(capsys, arguments())["inputs"]["mean_free_path_nm"] == pytest.approx(37.0)
    found = document(capsys, arguments(beam_energy_kev="90"))
    assert 37.0 < found["inputs"]["mean_free_path_nm"] < 48.9
    assert any("interpolated" in warning for warning in found["warnings"])


def test_particle_file_gives_volume_area_and_both_methods(capsys, tmp_path):
    particle = FaceCenteredCubic("Au", [(1, 1, 1), (-1, -1, -1), (1, 0, 0)], [7, 4, 8], latticeconstant=4.08)
    particle.rotate((1, 1, 1), (0, 0, 1))
    particle.rotate(75, "z")
    particle.write(tmp_path / "au.xyz")
    given = arguments(volume_nm3=None, contact_area_nm2=None, particle=tmp_path / "au.xyz", beam_axis="y")
    exact, paper = document(capsys, given), document(capsys, given, "--method", "paper")
    assert exact["inputs"]["atoms"] == paper["inputs"]["atoms"] == 1489
    shape = exact["inputs"]["shape"]
    assert exact["inputs"]["volume_nm3"]["value"] == pytest.approx(1489 * 4.08e-1**3 / 4.0, rel=0.003)
    ratio = paper["power_nW"]["value"] / exact["power_nW"]["value"]
    assert ratio == pytest.approx(shape["column_volume_nm3"] / shape["volume_nm3"])


def test_current_and_diameter_are_a_dose_rate(capsys):
    found = document(capsys, arguments(dose_rate=None, current_na="1", beam_diameter_nm="100"))
    expected = 1e-9 / 1.602176634e-19 / (np.pi * 500.0**2)
    assert found["inputs"]["dose_rate_e_A2_s"]["value"] == pytest.approx(expected)


def test_errors_of_the_beams_diameter_and_energy_are_lines_of_the_budget(capsys):
    beam = {"dose_rate": None, "current_na": "1+-0.02", "beam_diameter_nm": "100+-3"}
    found = document(capsys, arguments(**beam, beam_energy_kev="80+-2"))
    rate = found["inputs"]["dose_rate_e_A2_s"]
    assert rate["error"] / rate["value"] == pytest.approx(np.hypot(0.02, 0.06))
    assert found["budget"]["beam_diameter"] / found["budget"]["current"] == pytest.approx(9.0)
    assert found["budget"]["beam_energy"] > 0.0
    assert found["inputs"]["beam_energy_keV"] == 80.0


def test_support_options_add_the_supports_rise(capsys):
    alone = document(capsys, arguments())
    film = document(
        capsys,
        arguments(
            support="amorphous C", support_thickness_nm="5", hole_radius_nm="500", beam_diameter_nm="50"
        ),
    )
    assert film["delta_T_support_K"] > 10.0
    rise = alone["delta_T_K"]["value"] + film["delta_T_support_K"]
    assert film["delta_T_K"]["value"] == pytest.approx(rise)
    assert not any("interface alone" in warning for warning in film["warnings"])


def test_tabulated_conductivity_is_said_to_count_as_exact(capsys):
    table = document(capsys, arguments(support="hBN"))["warnings"]
    assert any("counts as exact; across its layers" in warning for warning in table)
    given = {"support": "hBN", "support_conductivity_w_mk": "400+-50"}
    assert not any(
        "counts as exact" in warning for warning in document(capsys, arguments(**given))["warnings"]
    )


def test_sweeps_are_written_as_csv_and_drawn(capsys, tmp_path):
    table, figure = tmp_path / "s.csv", tmp_path / "s.png"
    sweeps = ["--sweep", "dose-rate=1e4:1e8:5", "--sweep", "energy=80,300", "--sweep", "size=0.5,1"]
    found = document(capsys, arguments(), *sweeps, "--csv", str(table), "--figure", str(figure))
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == len(found["sweep"]) == 20
    row = next(
        row
        for row in rows
        if row["size"] == "1.0"
        and row["beam_energy_keV"] == "80.0"
        and float(row["dose_rate_e_A2_s"]) == pytest.approx(1e7)
    )
    assert float(row["delta_T_K"]) == pytest.approx(found["delta_T_K"]["value"])
    half = next(row for row in rows if row["size"] == "0.5")
    assert float(half["volume_nm3"]) == pytest.approx(3130.0 / 8.0)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_particles_and_supports_are_compared_as_in_the_papers_third_figure(capsys, tmp_path):
    files = []
    for name, layers in (("flat", [5, 3, 6]), ("tall", [7, 4, 8])):
        particle = FaceCenteredCubic("Au", [(1, 1, 1), (-1, -1, -1), (1, 0, 0)], layers)
        particle.rotate((1, 1, 1), (0, 0, 1))
        files.append(tmp_path / f"{name}.xyz")
        particle.write(files[-1])
    given = arguments(volume_nm3=None, contact_area_nm2=None, particle=files[0])
    sweeps = [f"shape={files[0]},{files[1]}", "conductance=59.3,81.7", "dose-rate=1e5,1e7"]
    figure = tmp_path / "figure3.png"
    options = [part for sweep in sweeps for part in ("--sweep", sweep)]
    rows = document(capsys, given, *options, "--figure", str(figure))["sweep"]
    assert [row["shape"] for row in rows] == ["flat", "flat", "tall", "tall"] * 2
    assert len({row["side_over_contact"] for row in rows}) == 2
    on_hbn, on_tio2 = (row for row in rows if row["shape"] == "tall" and row["dose_rate_e_A2_s"] == 1e7)
    assert on_hbn["delta_T_K"] / on_tio2["delta_T_K"] == pytest.approx(81.7 / 59.3)
    alone = document(capsys, arguments(volume_nm3=None, contact_area_nm2=None, particle=files[1]))
    assert on_tio2["delta_T_K"] == pytest.approx(alone["delta_T_K"]["value"])
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("times", "duty_cycle"),
    [
        ({"dwell_time_us": "10", "frame_time_us": "1000"}, 0.01),
        ({"dwell_time_us": "10", "duty_cycle": "0.01"}, 0.01),
        ({"frame_time_us": "1000", "duty_cycle": "0.01"}, 0.01),
    ],
)
def test_beam_that_comes_and_goes_gives_its_peak_and_mean(capsys, times, duty_cycle):
    found = document(capsys, arguments(**times))
    assert found["transient"]["duty_cycle"] == pytest.approx(duty_cycle)
    assert found["transient"]["tau_ps"] == found["cooling_time_ps"]
    assert found["transient"]["peak_K"] == pytest.approx(found["delta_T_K"]["value"])
    assert found["transient"]["mean_K"] == pytest.approx(duty_cycle * found["delta_T_K"]["value"])


def test_scanned_probe_is_on_the_particle_for_the_share_of_the_areas(capsys):
    """While it is, the power is the current's electrons times <E> t/lambda, t the mean thickness."""
    scan = {"dose_rate": None, "current_na": "0.1", "scan_area_nm2": "2500"}
    assert any("mean over the scan" in warning for warning in document(capsys, arguments(**scan))["warnings"])
    found = document(capsys, arguments(**scan, frame_time_us="1e6"))
    across_nm2 = np.pi / 4.0 * (6.0 * 3130.0 / np.pi) ** (2.0 / 3.0)
    power_nW = 0.1 * 44.3 * 3130.0 / across_nm2 / 37.0  # nA eV/e = nW
    expected_K = 1e3 * power_nW / (81.7 * 288.0)
    assert found["transient"]["peak_K"] == pytest.approx(expected_K)
    assert found["transient"]["mean_K"] == pytest.approx(found["delta_T_K"]["value"])
    assert found["transient"]["duty_cycle"] == pytest.approx(across_nm2 / 2500.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"beam_energy_kev": "5"}, "outside the range"),
        ({"beam_energy_kev": "400"}, "outside the range"),
        ({"beam_energy_kev": "5", "de_dx_ev_nm": "2"}, "outside the range"),
        ({"beam_diameter_nm": "20", "beam_position_nm": "60|0"}, "misses"),
        ({"volume_nm3": "0"}, "no volume"),
        ({"volume_nm3": "3130+-x"}, "cannot be read"),
        ({"volume_nm3": None}, "missing"),
        ({"contact_area_nm2": "0"}, "no contact area"),
        ({"conductance_mw_m2k": "0"}, "not above zero"),
        ({"dose_rate": "-1"}, "no dose rate"),
        ({"dose_rate": None}, "missing or given twice"),
        ({"current_na": "1"}, "missing or given twice"),
        ({"dose_rate": None, "current_na": "1"}, "no dose rate"),
        ({"mean_free_path_nm": "0", "mean_energy_loss_ev": "44"}, "not above zero"),
        ({"method": "paper"}, "columns"),
        ({"method": "best"}, "not known"),
        ({"material": "Xx"}, "not known"),
        ({"material": "Ag"}, "no measured energy loss"),
        ({"support": "cheese"}, "not known"),
        ({"support": "amorphous C", "support_thickness_nm": "0"}, "zero or negative"),
        ({"support": "amorphous C", "support_thickness_nm": "5"}, "where it is held"),
        ({"sweep": "tilt=1,2"}, "not known"),
        ({"sweep": "energy=80,100", "csv": "table.csv", "figure": "rises.xyz"}, "format is not known"),
        ({"sweep": "energy=80,100", "csv": "nowhere/table.csv", "figure": "rises.png"}, "folder"),
        ({"ambient_k": "-3"}, "below zero kelvin"),
        ({"conductance_slope_per_k": "nan"}, "not a finite number"),
        ({"support": "MgO", "hole_radius_nm": "nan"}, "not a finite number"),
        ({"beam_diameter_nm": "20", "beam_position_nm": "nan|0"}, "not a finite number"),
        ({"scan_area_nm2": "inf"}, "no area"),
        ({"sweep": "shape=missing.xyz"}, "does not exist"),
        ({"scan_area_nm2": "-5"}, "no area"),
        ({"dwell_time_us": "1"}, "not clear"),
        ({"dwell_time_us": "20", "frame_time_us": "10"}, "longer than the frame"),
        ({"dwell_time_us": "1", "duty_cycle": "2"}, "not clear"),
        ({"current_na": "1", "dose_rate": None, "scan_area_nm2": "9", "duty_cycle": "1"}, "from the areas"),
        ({"sweep": "dose-rate=0:1:3"}, "cannot be read"),
        ({"csv": "table.csv"}, "no sweep"),
        ({"volume_nm3": None, "particle": "missing.xyz"}, "does not exist"),
        ({"beam_profile": "square"}, "profile"),
        ({"electron_phonon": "maybe"}, "not clear"),
        ({"electron_phonon": "none", "electron_phonon_w_m3k": "2e16"}, "not clear"),
        ({"material": "Pd", "de_dx_ev_nm": "1", "electron_phonon": "counted"}, "coupling is not known"),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_one_message(capsys, tmp_path, monkeypatch, changed, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, arguments(**changed))
    assert list(tmp_path.iterdir()) == []


def test_a_support_that_is_not_told_apart_is_refused(capsys, tmp_path):
    sheet = graphene(size=(4, 4, 1), vacuum=5.0)
    sheet += FaceCenteredCubic("Au", [(1, 1, 1)], [3])
    sheet.write(tmp_path / "both.xyz")
    given = arguments(volume_nm3=None, particle=tmp_path / "both.xyz")
    assert "more than a metal particle" in refused(capsys, given)
    sheet.arrays["body"] = (np.array(sheet.get_chemical_symbols()) == "Au").astype(int)
    sheet.write(tmp_path / "marked.xyz", format="extxyz")
    found = document(capsys, arguments(volume_nm3=None, particle=tmp_path / "marked.xyz"))
    assert found["inputs"]["atoms"] == int(sheet.arrays["body"].sum())
