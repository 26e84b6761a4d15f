"""The convergence verdict on rounds whose outcome is plain."""

from __future__ import annotations

import json

import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.committee.convergence import (
    RoundNumbers,
    Targets,
    binomial_interval,
    judge_convergence,
)

TARGETS = Targets(accurate_share=0.95, force_error_eV_A=0.1)


def numbers(
    round_number: int, accurate: int, error: float, interface: float | None = None, half: float = 0.003
) -> RoundNumbers:
    def around(value: float) -> dict[str, float]:
        return {"value_eV_A": value, "low_eV_A": value - half, "high_eV_A": value + half}

    errors = {"all": around(error), "interface": around(error if interface is None else interface)}
    return RoundNumbers(round_number, accurate, 1000, errors)


def test_two_good_rounds_running_converge_and_one_does_not():
    good = [numbers(1, 990, 0.08), numbers(2, 992, 0.07)]
    assert judge_convergence(good, TARGETS).name == "converged"
    one = judge_convergence(good[:1], TARGETS)
    assert one.name == "not converged"
    assert "2 rounds running" in one.reasons[0]


def test_a_relapse_takes_the_verdict_back():
    rounds = [numbers(1, 990, 0.08), numbers(2, 992, 0.07), numbers(3, 700, 0.08)]
    verdict = judge_convergence(rounds, TARGETS)
    assert verdict.name != "converged"
    assert any("accurate share" in reason for reason in verdict.reasons)


def test_a_target_met_only_within_the_error_is_not_met():
    lucky = RoundNumbers(2, 48, 50, numbers(2, 0, 0.07).errors_eV_A)
    assert lucky.share > TARGETS.accurate_share
    assert judge_convergence([numbers(1, 990, 0.08), lucky], TARGETS).name == "not converged"
    noisy = numbers(2, 990, 0.095, half=0.02)
    assert judge_convergence([numbers(1, 990, 0.08), noisy], TARGETS).name == "not converged"


def test_correlated_frames_count_as_fewer():
    many = RoundNumbers(2, 970, 1000, numbers(2, 0, 0.07).errors_eV_A)
    few = RoundNumbers(2, 970, 1000, many.errors_eV_A, independent=20)
    assert many.meets(TARGETS)
    assert not few.meets(TARGETS)


def test_stall_names_the_environment_that_holds_it_back():
    rounds = [numbers(n, 900, 0.12, interface=0.25) for n in (1, 2, 3)]
    verdict = judge_convergence(rounds, TARGETS)
    assert verdict.name == "stalled"
    assert verdict.holding_back == ("interface",)
    assert any("interface" in reason for reason in verdict.reasons)


def test_progress_is_no_stall():
    rounds = [numbers(1, 500, 0.3), numbers(2, 700, 0.2), numbers(3, 850, 0.14)]
    assert judge_convergence(rounds, TARGETS).name == "not converged"


def test_rounds_asked_for_are_run_even_when_all_is_well():
    targets = Targets(0.95, 0.1, min_rounds=3)
    rounds = [numbers(1, 990, 0.05), numbers(2, 990, 0.05)]
    assert judge_convergence(rounds, targets).name == "not converged"
    assert judge_convergence([*rounds, numbers(3, 990, 0.05)], targets).name == "converged"


def test_unknown_error_never_converges():
    blind = [RoundNumbers(n, 1000, 1000, {}) for n in (1, 2)]
    verdict = judge_convergence(blind, TARGETS)
    assert verdict.name == "not converged"
    assert "no random frame" in verdict.reasons[0]


def test_verdict_is_plain_data_and_rounds_come_back_from_it():
    one = numbers(1, 900, 0.12)
    document = json.loads(json.dumps(judge_convergence([one], TARGETS).to_dict()))
    assert document["verdict"] == "not converged"
    assert RoundNumbers.from_dict(document) == one


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (20, 20), (10, 20)])
def test_binomial_interval_holds_the_share_and_stays_within_zero_and_one(successes, trials):
    low, high = binomial_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    assert high > low


def test_no_round_is_refused():
    with pytest.raises(InputError, match="no round"):
        judge_convergence([], TARGETS)
