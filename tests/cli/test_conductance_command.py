"""`beamheat conductance` as a person runs it: files in, JSON or one short message out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from beamheat_fw.cli.main import run
from beamheat_fw.physics.interface.series import TemperatureSeries
from beamheat_fw.physics.interface.two_body_draws import Experiment, draw
from beamheat_fw.physics.interface.two_body_filter import TwoBodies
from beamheat_fw.units import BOLTZMANN_EV_PER_K, NW_PER_EV_PER_PS

N, N_SUPPORT, TAU_PS, AREA_NM2 = 341, 2000, 10.0, 6.0
BODIES = TwoBodies(3 * N * BOLTZMANN_EV_PER_K, 3 * N_SUPPORT * BOLTZMANN_EV_PER_K, N, N_SUPPORT)
#: eV/(ps K nm^2) is 1.602e5 MW/(m^2 K).
TRUE_MW_M2K = BODIES.C_reduced_eV_per_K / TAU_PS / AREA_NM2 * 1.602176634e5
ATOMS = ["--n-particle", str(N), "--n-support", str(N_SUPPORT)]
AREA = ["--contact-area-nm2", str(AREA_NM2)]


def write(series: TemperatureSeries, file: Path) -> str:
    columns = np.stack([series.time_ps, series.T_particle_K, series.T_support_K], axis=1)
    np.savetxt(file, columns, delimiter=",", header="time_ps,T_particle_K,T_support_K", comments="")
    return str(file)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("series")
    runs = draw(Experiment(BODIES, TAU_PS, duration_ps=30.0), 1, 6)
    return [write(one, folder / f"{number}.csv") for number, one in enumerate(runs)]


def answer(capsys, *arguments: str) -> dict:
    assert run(["conductance", *arguments, "--json"]) in (0, None)
    return json.loads(capsys.readouterr().out)


def refusal(capsys, *arguments: str) -> str:
    assert run(["conductance", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_json_holds_the_contract(files, capsys):
    found = answer(capsys, files[0], *AREA, *ATOMS)
    assert {"conductance_MW_m2K", "tau_ps", "window", "autocorrelation_time_ps", "warnings"} <= set(found)
    for name in ("conductance_MW_m2K", "tau_ps"):
        value, (low, high) = found[name]["value"], found[name]["interval"]
        assert low < value < high
        assert found[name]["error"] == pytest.approx((high - low) / 2)
    assert found["window"]["start_ps"] == 0.0
    assert found["window"]["end_ps"] == pytest.approx(30.0)
    assert found["conductance_MW_m2K"]["value"] == pytest.approx(TRUE_MW_M2K, rel=0.4)


def test_several_files_share_one_rate(files, capsys):
    one, six = answer(capsys, files[0], *AREA, *ATOMS), answer(capsys, *files, *AREA, *ATOMS)
    assert six["n_runs"] == 6
    assert six["conductance_MW_m2K"]["error"] < 0.6 * one["conductance_MW_m2K"]["error"]
    assert six["conductance_MW_m2K"]["value"] == pytest.approx(TRUE_MW_M2K, rel=0.15)


def test_known_heat_capacities_leave_no_systematic(files, capsys):
    given = ["--c-particle-ev-per-k", str(BODIES.C_particle_eV_per_K), "--c-support-ev-per-k", "0.517"]
    known, assumed = answer(capsys, files[0], *AREA, *given), answer(capsys, files[0], *AREA, *ATOMS)
    assert known["conductance_MW_m2K"]["systematic_error"] == 0
    assert assumed["conductance_MW_m2K"]["systematic_error"] == pytest.approx(
        0.1 * assumed["conductance_MW_m2K"]["value"]
    )
    assert any("3 k_B" in text for text in assumed["warnings"])
    assert known["conductance_MW_m2K"]["value"] == pytest.approx(
        assumed["conductance_MW_m2K"]["value"], rel=1e-3
    )


def test_bath_is_an_infinite_support(files, capsys):
    found = answer(capsys, files[0], *AREA, "--n-particle", str(N), "--c-support-ev-per-k", "inf")
    assert found["heat_capacity_support"]["value_eV_per_K"] is None
    assert found["conductance_MW_m2K"]["value"] > 0


def test_papers_estimator_is_kept(files, capsys):
    found = answer(capsys, *files, *AREA, *ATOMS, "--estimator", "least-squares")
    assert found["estimator"] == "least-squares"
    assert found["conductance_MW_m2K"]["value"] == pytest.approx(TRUE_MW_M2K, rel=0.3)


def test_window_is_obeyed(files, capsys):
    found = answer(capsys, files[0], *AREA, *ATOMS, "--start-ps", "2", "--end-ps", "20")
    assert found["window"]["start_ps"] == pytest.approx(2.0)
    assert found["window"]["end_ps"] == pytest.approx(20.0)


def test_slab_correction_raises_the_conductance(files, capsys):
    slab = ["--support-thickness-nm", "2", "--support-conductivity-w-mk", "5", "--support-area-nm2", "20"]
    plain, corrected = answer(capsys, files[0], *AREA, *ATOMS), answer(capsys, files[0], *AREA, *ATOMS, *slab)
    factor = corrected["conductance_MW_m2K"]["value"] / plain["conductance_MW_m2K"]["value"]
    assert factor == pytest.approx(corrected["slab_correction"])
    assert 1.0 < factor < 1.1


def test_plan_says_how_many_runs_an_error_takes(files, capsys):
    plan = answer(capsys, files[0], *AREA, *ATOMS, "--asked-error", "0.02")["plan"]
    assert plan["seeds"] == pytest.approx((plan["relative_error_of_one_run"] / 0.02) ** 2, abs=1)


def test_injection_extrapolates_over_its_powers(tmp_path, capsys):
    bath = TwoBodies(BODIES.C_particle_eV_per_K, np.inf, N, np.inf)
    arguments, truth = [], bath.C_reduced_eV_per_K / TAU_PS / AREA_NM2 * 1.602176634e5
    for number, kelvin in enumerate((40.0, 80.0, 120.0)):
        experiment = Experiment(
            bath, TAU_PS, 300.0 + kelvin, 300.0, 300.0, 0.1, heating_K_per_ps=kelvin / TAU_PS
        )
        power = experiment.conductance_eV_per_K_ps * kelvin * NW_PER_EV_PER_PS
        file = write(draw(experiment, number)[0], tmp_path / f"{number}.csv")
        arguments += [file, "--power-nw", str(power)]
    found = answer(capsys, *arguments, "--method", "injection", *AREA, "--n-particle", str(N))
    g = found["conductance_MW_m2K"]
    assert g["value"] == pytest.approx(truth, abs=3 * g["error"])
    assert found["tau_ps"]["value"] == pytest.approx(TAU_PS, abs=3 * found["tau_ps"]["error"])
    assert {"window", "autocorrelation_time_ps", "warnings"} <= set(found)


def test_readable_form_says_value_area_and_warnings(files, capsys):
    assert run(["conductance", files[0], *AREA, *ATOMS, "--area-definition", "hull"]) in (0, None)
    out = capsys.readouterr().out
    assert "MW m^-2 K^-1" in out
    assert "6 nm^2 (hull)" in out
    assert "3 k_B" in out


def test_missing_support_or_particle_is_asked_for(files, capsys):
    assert "--n-support" in refusal(capsys, files[0], *AREA, "--n-particle", "341")
    assert "--n-particle" in refusal(capsys, files[0], *AREA)
    assert "area must be positive" in refusal(capsys, files[0], "--contact-area-nm2", "0", *ATOMS)
    assert "must be positive" in refusal(capsys, files[0], *AREA, "--n-particle", "-3", "--n-support", "5")


def test_power_and_method_must_fit(files, capsys):
    assert "no power" in refusal(capsys, files[0], *AREA, *ATOMS, "--power-nw", "5")
    assert "--power-nw" in refusal(capsys, files[0], *AREA, "--method", "injection")
    assert "not be zero" in refusal(capsys, files[0], *AREA, "--method", "injection", "--power-nw", "0")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda lines: [lines[0].replace("time_ps", "time_fs"), *lines[1:]], "time_ps"),
        (lambda lines: [lines[0], *lines[1:100], *lines[160:]], "gap"),
        (lambda lines: [*lines[:50], "2.45,nan,300", *lines[51:]], "not a number"),
        (lambda lines: [*lines[:50], "2.45,,300", *lines[51:]], "line': 51"),
        (lambda lines: [*lines[:50], "2.45,hot,300", *lines[51:]], "hot"),
        (lambda lines: [lines[0], *(f"{1e3 * n},600,300" for n in range(100))], "not in picoseconds"),
        (lambda lines: [lines[0], *(f"{0.1 * n},-20,-100" for n in range(100))], "kelvin"),
        (lambda lines: lines[:5], "too short"),
        (lambda lines: [], "time_ps"),
    ],
)
def test_bad_series_is_refused_by_name(files, tmp_path, capsys, spoil, says):
    file = tmp_path / "spoilt.csv"
    file.write_text("\n".join(spoil(Path(files[0]).read_text().splitlines())))
    message = refusal(capsys, str(file), *AREA, *ATOMS)
    assert says in message.replace("line=", "line': ")
    assert "spoilt.csv" in message


def test_missing_file_is_refused(capsys):
    assert "cannot be read" in refusal(capsys, "/nowhere/series.csv", *AREA, *ATOMS)
