"""Numbers as a person reads them: as many digits as their errors allow, powers of ten, units beside them."""

from __future__ import annotations

import math
import re

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_NOTHING = "–"
#: How a unit at the end of a field's name is written.
_UNITS = {
    "_MW_m2K": "MW m⁻² K⁻¹",
    "_e_A2_s": "e Å⁻² s⁻¹",
    "_eV_atom": "eV/atom",
    "_eV_nm": "eV/nm",
    "_eV_A": "eV/Å",
    "_eV_K": "eV/K",
    "_keV": "keV",
    "_nm2": "nm²",
    "_eV": "eV",
    "_nm": "nm",
    "_nW": "nW",
    "_ps": "ps",
    "_K": "K",
    "_A": "Å",
    "_s": "s",
}


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` significant digits; a dash where there is none.

    Very small and very large numbers are written as a power of ten.
    """
    if value is None or math.isnan(value):
        return _NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if -4 < exponent < 4:
        return _minus(f"{rounded:.{max(0, digits - 1 - exponent)}f}")
    mantissa = f"{rounded / 10.0**exponent:.{digits - 1}f}".rstrip("0").rstrip(".")
    power = power_of_ten(exponent)
    return power if mantissa == "1" else f"{_minus(mantissa)} × {power}"


def power_of_ten(exponent: int) -> str:
    """Return 10 to an integer power, such as ``10⁶``."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def with_error(value: float | None, error: float | None) -> str:
    """Return a value and its standard error, both to the error's second significant digit."""
    if value is None or error is None or not math.isfinite(error) or error <= 0.0:
        return number(value)
    decimals = max(0, 1 - math.floor(math.log10(float(f"{error:.1e}"))))
    if decimals > 6:
        return f"{number(value)} ± {number(error, 2)}"
    return _minus(f"{value:.{decimals}f} ± {error:.{decimals}f}")


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return an interval; ``≥ low`` where it has no upper end."""
    if high is None or not math.isfinite(high):
        return f"≥ {number(low, digits)}"
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(share: float | None) -> str:
    """Return a share as a percentage."""
    return _NOTHING if share is None else f"{number(100.0 * share, 2 if share < 0.995 else 3)} %"


def duration(seconds: float) -> str:
    """Return a time span in the unit that suits it."""
    if seconds < 120:
        return f"{number(seconds, 2)} s"
    if seconds < 7200:
        return f"{number(seconds / 60, 2)} min"
    return f"{number(seconds / 3600, 3)} h"


def core_hours(hours: float) -> str:
    """Return core hours; what is less than a thousandth is called so."""
    return number(hours, 2) if hours >= 1e-3 or hours == 0.0 else "< 0.001"


def words(name: str) -> str:
    """Return a field's name in words, without underscores."""
    return name.replace("_", " ").strip()


def titled(name: str) -> str:
    """Return a field's name in words, with the unit it ends in as it is written: ``force error (eV/Å)``."""
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            return f"{words(name.removesuffix(suffix))} ({unit})"
    return words(name)


def typeset(text: str) -> str:
    """Return text with powers (``m^-2``, ``2.5e+16``) as they are printed and units that hold together."""
    text = re.sub(r"(\d) %", "\\1\u00a0%", text)
    text = re.sub(
        r"\([^)]{,12}\)$", lambda unit: unit[0].replace(" ", "\u00a0").replace("/", "/\u2060"), text
    )
    text = re.sub(r"\^(-?\d+)", lambda power: power[1].translate(_SUPERSCRIPTS), text)
    return re.sub(r"(\d)e([+-]?\d+)\b", lambda power: f"{power[1]} × {power_of_ten(int(power[2]))}", text)


def _minus(text: str) -> str:
    return text.replace("-", "−")
