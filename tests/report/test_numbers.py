"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from beamheat_fw.report.numbers import duration, interval, number, percent, titled, typeset, with_error


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12.87, "12.9"),
        (0.9996, "1.00"),
        (0.01287, "0.0129"),
        (9996.0, "10⁴"),
        (1e7, "10⁷"),
        (2.5e16, "2.5 × 10¹⁶"),
        (-0.0218, "−0.0218"),
        (3e-7, "3 × 10⁻⁷"),
        (0.0, "0"),
        (None, "–"),
        (float("inf"), "∞"),
    ],
)
def test_number_has_three_significant_digits_and_powers_of_ten(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (322.4, 16.1, "322 ± 16"),
        (0.32441, 0.0002, "0.32441 ± 0.00020"),
        (44.53, 0.996, "44.5 ± 1.0"),
        (37.0, None, "37.0"),
        (37.0, 0.0, "37.0"),
    ],
)
def test_error_decides_how_many_digits_a_value_has(value: float, error: float | None, shown: str) -> None:
    assert with_error(value, error) == shown


def test_interval_without_an_upper_end_is_a_lower_bound() -> None:
    assert interval(12.0, None) == "≥ 12.0"
    assert interval(12.0, float("inf")) == "≥ 12.0"
    assert interval(12.0, 13.7) == "12.0 to 13.7"


def test_units_come_with_their_values() -> None:
    assert titled("target_force_error_eV_A") == "target force error (eV/Å)"
    assert titled("conductance_MW_m2K") == "conductance (MW m⁻² K⁻¹)"
    assert titled("novel") == "novel"
    assert percent(0.5933) == "59 %"
    assert (duration(7.5), duration(600), duration(7300)) == ("7.5 s", "10 min", "2.03 h")


def test_powers_in_warnings_are_printed_as_powers() -> None:
    assert typeset("2.5e+16 W m^-3 K^-1") == "2.5 × 10¹⁶ W m⁻³ K⁻¹"
