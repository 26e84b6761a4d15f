"""What a reader of a temperature rise has to know about it."""

from __future__ import annotations

import numpy as np

from beamheat_fw.physics.rise.heat_flow import HeatFlow
from beamheat_fw.physics.rise.prediction import Prediction

#: Fewer events per cooling time than this, and a steady temperature is a mean over rare spikes.
_STEADY_EVENTS = 10.0
#: Above this share of the melting point surfaces are mobile and small particles melt or change shape.
_MOBILE_SHARE = 0.5


def warnings_about(prediction: Prediction, flow: HeatFlow) -> tuple[str, ...]:
    """Return the warnings, one sentence each: what is left out, unsteady, or beyond the material."""
    return (
        *_support_warnings(flow),
        *_steadiness_warnings(prediction),
        *_material_warnings(prediction, flow),
    )


def _support_warnings(flow: HeatFlow) -> list[str]:
    if flow.support is None:
        return ["no support was given: the interface alone stands between the particle and the ambient"]
    support = flow.support
    given = {
        "material": support.material,
        "thickness": support.thickness_nm,
        "hole radius": support.hole_radius_nm,
    }
    missing = [f"the support's {name}" for name, value in given.items() if value is None]
    missing += ["the beam's diameter"] if flow.beam.diameter_nm is None else []
    if not missing:
        return []
    return [f"the beam's own heating of the support is left out: it needs {_listed(missing)}"]


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _steadiness_warnings(prediction: Prediction) -> list[str]:
    found = []
    if prediction.events_per_tau < _STEADY_EVENTS:
        found.append(
            f"only {prediction.events_per_tau:.2g} inelastic events fall into one cooling time of "
            f"{prediction.cooling_time_ps:.3g} ps, each heating the particle by "
            f"{prediction.kick_K:.3g} K: the rise is "
            "a mean over rare spikes, not a steady temperature"
        )
    if not np.isfinite(prediction.delta_T_K.upper):
        found.append("an input's interval reaches a value that leaves the rise without an upper bound")
    return found


def _material_warnings(prediction: Prediction, flow: HeatFlow) -> list[str]:
    found = []
    melting_K, hottest_K = (
        flow.particle.material.melting_K,
        flow.ambient_K + float(prediction.delta_T_K.value),
    )
    if melting_K and hottest_K > _MOBILE_SHARE * melting_K:
        state = "melts" if hottest_K > melting_K else "may change its shape or melt, small as it is"
        found.append(f"at {hottest_K:.0f} K the particle {state} (bulk melting point {melting_K:.0f} K)")
    if prediction.bounds_K["eels"] > prediction.bounds_K["stopping_power"]:
        found.append("the energy loss given is more than the whole collision stopping power")
    return [*found, *_electron_phonon_warnings(prediction, flow)]


def _electron_phonon_warnings(prediction: Prediction, flow: HeatFlow) -> list[str]:
    left_out_K = prediction.systematics_K.get("electron_phonon")
    if left_out_K is None:
        counted = flow.interface.electron_phonon is not None
        return [] if counted else ["the metal's electron-phonon coupling is not known and left out: give it"]
    share = 100.0 * left_out_K / float(prediction.parts.interface_K)
    held = "its upper end holds it" if flow.interface.electron_phonon else "nor does its error hold it"
    return [
        f"the rise does not count the metal's electron-phonon resistance, {left_out_K:.3g} K or "
        f"{share:.0f} % of the interface's, which is disputed; {held}"
    ]
