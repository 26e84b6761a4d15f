"""A prediction in words says how much its upper end can be trusted."""

import pytest

from beamheat_fw.report.status import temperature_text, verdict_text
from beamheat_fw.store.documents import Conductance, Prediction


def prediction(high_K):
    return Prediction.model_construct(
        delta_T_K=40.0,
        delta_T_low_K=25.0,
        delta_T_high_K=high_K,
        beam_energy_keV=80.0,
        dose_rate_e_A2_s=1e7,
    )


@pytest.mark.parametrize("compatible", [True, False])
def test_conductance_compatible_with_zero_is_said_beside_a_finite_upper_end(compatible):
    text = temperature_text(
        prediction(90.0), Conductance.model_construct(compatible_with_zero=compatible, fit={})
    )
    assert text.startswith("40 K (+50 -15 K) at 80 keV")
    assert ("compatible with zero" in text) == compatible


def test_rise_without_an_upper_end_is_a_lower_bound():
    text = temperature_text(prediction(None), Conductance.model_construct(compatible_with_zero=True, fit={}))
    assert text.startswith("at least 25 K")
    assert text.count("compatible with zero") == 1


def test_a_stall_names_the_environments_that_hold_the_campaign_back():
    stalled = {"verdict": "stalled", "holding_back": ["interface", "particle"]}
    assert verdict_text(stalled) == "stalled, held back by interface, particle"
    assert verdict_text({"verdict": "converged", "holding_back": []}) == "converged"
    assert verdict_text({"verdict": None, "holding_back": []}) == "not judged"


@pytest.mark.parametrize("closed", [True, False])
def test_heat_that_does_not_balance_is_said_beside_the_rise(closed):
    fit = {"heat_balance": [{"is_closed": True}, {"is_closed": closed}]}
    found = Conductance.model_construct(compatible_with_zero=False, fit=fit)
    assert ("not to be relied on" in temperature_text(prediction(90.0), found)) is not closed
