"""`beamheat conductance`: the interface thermal conductance from temperature series, no database needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beamheat_fw.cli.output import JsonOption, emit
from beamheat_fw.errors import InputError

if TYPE_CHECKING:
    from beamheat_fw.physics.interface.conductance import Contact, HeatedSystem
    from beamheat_fw.physics.interface.heat_capacity import HeatCapacity
    from beamheat_fw.physics.interface.series import TemperatureSeries
    from beamheat_fw.physics.interface.slab import Slab

Method = Literal["relaxation", "injection"]
Estimator = Literal["state-space", "least-squares"]


@dataclass(frozen=True)
class Body:
    """What the command line says of one body: atoms, heat capacity, or both."""

    name: str
    atoms: float | None
    C_eV_per_K: float | None


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV with columns time_ps, T_particle_K, T_support_K; several are analysed together."
        ),
    ],
    contact_area_nm2: Annotated[float, typer.Option(help="Contact area of particle and support.")],
    method: Annotated[Method, typer.Option(help="How the series were made.")] = "relaxation",
    estimator: Annotated[
        Estimator, typer.Option(help="Of a relaxation's rate; least-squares is the paper's way.")
    ] = "state-space",
    n_particle: Annotated[
        float | None, typer.Option(help="Moving atoms of the particle: 3 k_B each.")
    ] = None,
    n_support: Annotated[float | None, typer.Option(help="Moving atoms of the support.")] = None,
    c_particle_ev_per_k: Annotated[float | None, typer.Option(help="Heat capacity of the particle.")] = None,
    c_support_ev_per_k: Annotated[
        float | None, typer.Option(help="Heat capacity of the support; inf for a bath.")
    ] = None,
    power_nw: Annotated[
        list[float] | None, typer.Option(help="Injected power; once for each file, in their order.")
    ] = None,
    area_definition: Annotated[
        str, typer.Option(help="What the area is, such as hull or atoms.")
    ] = "as given",
    start_ps: Annotated[float | None, typer.Option(help="Analyse from here on.")] = None,
    end_ps: Annotated[float | None, typer.Option(help="Analyse up to here.")] = None,
    support_thickness_nm: Annotated[
        float | None, typer.Option(help="Of the simulated slab, to take its own resistance out.")
    ] = None,
    support_area_nm2: Annotated[
        float | None, typer.Option(help="Of that slab's face; the contact area by default.")
    ] = None,
    support_conductivity_w_mk: Annotated[
        float | None, typer.Option(help="Of the simulated slab, across.")
    ] = None,
    asked_error: Annotated[
        float | None, typer.Option(help="Relative error wanted, such as 0.1: says how many runs it takes.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find G in MW m^-2 K^-1, with its error, from relaxations of a particle or from constant power.

    Example: beamheat conductance series.csv --contact-area-nm2 2.9 --n-particle 341 --n-support 3000
    """
    from beamheat_fw.cli.temperature_file import read_series
    from beamheat_fw.physics.interface.conductance import Contact

    series = [read_series(file).between(start_ps, end_ps) for file in files]
    contact = Contact(contact_area_nm2, area_definition)
    particle = Body("particle", n_particle, c_particle_ev_per_k)
    support = Body("support", n_support, c_support_ev_per_k)
    if method == "injection":
        document = _injection(series, power_nw or [], contact, particle)
    else:
        if power_nw:
            raise InputError("A relaxation has no power", "Leave --power-nw out, or add --method injection.")
        system = _system(particle, support, contact)
        document = _relaxation(series, system, estimator)
        if support_thickness_nm is not None or support_conductivity_w_mk is not None:
            area = support_area_nm2 or contact_area_nm2
            slab = _slab(document, support_thickness_nm, support_conductivity_w_mk, area)
            document |= _slab_correction(document, slab)
        if asked_error is not None:
            document["plan"] = _plan(series, document, system, asked_error)
    emit(document, as_json=as_json, readable=_show)


def _capacity(body: Body) -> tuple[float, HeatCapacity | None]:
    """Return a body's number of atoms and its heat capacity, if that is known."""
    from beamheat_fw.physics.interface.heat_capacity import HeatCapacity
    from beamheat_fw.units import BOLTZMANN_EV_PER_K

    if body.atoms is not None and not body.atoms > 0:
        raise InputError(
            f"--n-{body.name} must be positive", "Count the atoms that move.", {"atoms": body.atoms}
        )
    if body.C_eV_per_K is None:
        if body.atoms is None:
            raise InputError(
                f"The heat capacity of the {body.name} is needed",
                f"Give --n-{body.name} or --c-{body.name}-ev-per-k (inf for a support that is a bath).",
            )
        return body.atoms, None
    known = HeatCapacity(body.C_eV_per_K, 0.0, "given")
    return body.atoms or body.C_eV_per_K / (3.0 * BOLTZMANN_EV_PER_K), known


def _system(particle: Body, support: Body, contact: Contact) -> HeatedSystem:
    from beamheat_fw.physics.interface.conductance import HeatedSystem

    n_particle, C_particle = _capacity(particle)
    n_support, C_support = _capacity(support)
    return HeatedSystem(n_particle, n_support, contact, C_particle, C_support)


def _relaxation(
    series: list[TemperatureSeries], system: HeatedSystem, estimator: Estimator
) -> dict[str, Any]:
    import numpy as np

    from beamheat_fw.physics.interface.conductance import relaxation_conductance
    from beamheat_fw.physics.interface.stationarity import statistical_inefficiency

    result = relaxation_conductance(series, system)
    found = result.to_dict()
    document: dict[str, Any] = {
        "method": "relaxation",
        "estimator": estimator,
        "conductance_MW_m2K": found.pop("statistical_MW_m2K")
        | {
            "systematic_error": result.heat_capacity_error_MW_m2K,
            "interval_with_systematic": found.pop("conductance_MW_m2K")["interval"],
        },
        "tau_ps": found.pop("tau_ps"),
        "window": _window(series),
    }
    rate = 1.0 / result.tau_ps.value
    if estimator == "least-squares":
        rate = _replace_by_least_squares(
            document, series, result.statistical_MW_m2K.value * result.tau_ps.value
        )
        found["compatible_with_zero"], found["verdict"] = None, "least squares: its errors are too small"
    times = [0.5 * (statistical_inefficiency(_residual(one, rate)) - 1.0) * one.interval_ps for one in series]
    document["autocorrelation_time_ps"] = float(np.mean(times))
    # One series a file: whether they are of one potential or several is not known here.
    found["warnings"] = [text for text in found["warnings"] if not text.startswith("one potential")]
    for name in ("potential_error_MW_m2K", "member_spread", "n_members", "heat_capacity_error_MW_m2K"):
        del found[name]
    return document | found


def _residual(series: TemperatureSeries, rate_per_ps: float) -> Any:
    import numpy as np

    decay = np.exp(-rate_per_ps * (series.time_ps - series.time_ps[0]))
    return series.difference_K - decay * (decay @ series.difference_K) / (decay @ decay)


def _replace_by_least_squares(
    document: dict[str, Any], series: list[TemperatureSeries], to_G: float
) -> float:
    """Put the paper's estimate of the rate in the state-space likelihood's place; return that rate."""
    import numpy as np

    from beamheat_fw.physics.interface.least_squares import least_squares

    rates, errors = np.array([least_squares(one) for one in series]).T
    weights = errors**-2.0
    rate, error = float(weights @ rates / weights.sum()), float(weights.sum() ** -0.5)
    systematic = document["conductance_MW_m2K"]["systematic_error"]
    for name, value, half in (
        ("conductance_MW_m2K", rate * to_G, error * to_G),
        ("tau_ps", 1.0 / rate, error / rate**2),
    ):
        document[name] = {"value": value, "error": half, "interval": [value - half, value + half]}
    total = float(np.hypot(error * to_G, systematic))
    document["conductance_MW_m2K"] |= {
        "systematic_error": systematic,
        "interval_with_systematic": [rate * to_G - total, rate * to_G + total],
    }
    return rate


def _window(series: list[TemperatureSeries]) -> dict[str, Any]:
    return {
        "start_ps": min(float(one.time_ps[0]) for one in series),
        "end_ps": max(float(one.time_ps[-1]) for one in series),
        "samples": sum(len(one.time_ps) for one in series),
    }


def _slab(
    document: dict[str, Any], thickness_nm: float | None, conductivity_W_mK: float | None, area_nm2: float
) -> Slab:
    from beamheat_fw.physics.interface.slab import Slab

    C_support = document["heat_capacity_support"]["value_eV_per_K"]
    if thickness_nm is None or conductivity_W_mK is None or C_support == float("inf"):
        raise InputError(
            "The slab correction needs thickness, conductivity and a finite heat capacity",
            "Give --support-thickness-nm and --support-conductivity-w-mk together, and --n-support.",
        )
    return Slab(thickness_nm, conductivity_W_mK, area_nm2, C_support)


def _slab_correction(document: dict[str, Any], slab: Slab) -> dict[str, Any]:
    """Scale the conductance by what the slab's own resistance has taken from the rate."""
    from beamheat_fw.physics.interface.slab import biot_number, interface_conductance

    C_particle = document["heat_capacity_particle"]["value_eV_per_K"]
    rate = 1.0 / document["tau_ps"]["value"]
    two_body = rate * C_particle * slab.C_eV_per_K / (C_particle + slab.C_eV_per_K)
    factor = interface_conductance(rate, C_particle, slab) / two_body
    found: dict[str, Any] = document["conductance_MW_m2K"]
    scaled = {
        name: [None if end is None else end * factor for end in value]
        if isinstance(value, list)
        else None
        if value is None
        else value * factor
        for name, value in found.items()
    }
    return {
        "conductance_MW_m2K": scaled,
        "slab_correction": factor,
        "biot_support": biot_number(found["value"] * factor, slab.thickness_nm, slab.conductivity_W_mK),
    }


def _plan(
    series: list[TemperatureSeries], document: dict[str, Any], system: HeatedSystem, asked_error: float
) -> dict[str, Any]:
    import numpy as np

    from beamheat_fw.physics.interface.run_plan import one_run_error, plan_runs
    from beamheat_fw.physics.interface.two_body_filter import TwoBodies

    C_particle, C_support = (
        document[f"heat_capacity_{name}"]["value_eV_per_K"] for name in ("particle", "support")
    )
    bodies = TwoBodies(C_particle, C_support, system.n_particle, system.n_support)
    first = max(1, len(series[0].time_ps) // 20)
    hot, cold = (float(getattr(series[0], f"T_{name}_K")[:first].mean()) for name in ("particle", "support"))
    length = float(np.mean([one.duration_ps for one in series])) / document["tau_ps"]["value"]
    return plan_runs(asked_error, one_run_error(bodies, hot, cold, length)).to_dict()


def _injection(
    series: list[TemperatureSeries], powers_nW: list[float], contact: Contact, particle: Body
) -> dict[str, Any]:
    from beamheat_fw.physics.interface.injection import injection_conductance
    from beamheat_fw.units import MW_M2K_PER_EV_A2_PS_K

    result = injection_conductance(series, powers_nW, contact)
    found = result.to_dict()
    tau = None
    if particle.atoms is not None or particle.C_eV_per_K is not None:
        from beamheat_fw.physics.interface.heat_capacity import dulong_petit

        atoms, known = _capacity(particle)
        capacity = (known or dulong_petit(atoms)).value_eV_per_K
        g = result.conductance_MW_m2K
        scale = capacity * MW_M2K_PER_EV_A2_PS_K / (100.0 * contact.area_nm2)
        tau = {"value": scale / g.value, "error": scale * g.error / g.value**2}
    return {
        "method": "injection",
        "conductance_MW_m2K": found.pop("conductance_MW_m2K"),
        "tau_ps": tau,
        "window": {
            "start_ps": [run.start_ps for run in result.runs],
            "end_ps": [run.end_ps for run in result.runs],
        },
        "autocorrelation_time_ps": max(run.autocorrelation_time_ps for run in result.runs),
    } | found


def _show(document: dict[str, Any]) -> None:
    g, tau = document["conductance_MW_m2K"], document["tau_ps"]
    low, high = g["interval"]
    upper = "no upper limit" if high is None else f"{high:.4g}"
    print(f"conductance    {g['value']:.4g} MW m^-2 K^-1, 68 % {low:.4g} to {upper}")
    if g.get("systematic_error"):
        print(f"               {g['systematic_error']:.2g} more from the heat capacities")
    if tau and tau["value"] is not None:
        error = "unknown" if tau["error"] is None else f"{tau['error']:.2g}"
        print(f"tau            {tau['value']:.4g} +- {error} ps")
    print(f"area           {document['area_nm2']:g} nm^2 ({document['area_definition']})")
    print(f"interface at   {document['T_interface_K']:.0f} K")
    if document.get("compatible_with_zero"):
        print(f"verdict        {document['verdict']}")
    if "plan" in document:
        print(f"runs needed    {document['plan']['seeds']}")
    for text in document["warnings"]:
        print(f"warning        {text}")
