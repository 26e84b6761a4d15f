"""Temperature series: what is refused, and how blocks are cut."""

from __future__ import annotations

import numpy as np
import pytest

from beamheat_fw.errors import InputError
from beamheat_fw.physics.interface.series import TemperatureSeries

TIME = np.arange(100) * 0.1


def series(time_ps=TIME, particle=None, support=None, **energies):
    particle = np.linspace(600, 400, len(time_ps)) if particle is None else particle
    support = np.full(len(time_ps), 300.0) if support is None else support
    return TemperatureSeries(time_ps, particle, support, **energies)


def with_value(index: int, value: float) -> np.ndarray:
    values = np.full(100, 500.0)
    values[index] = value
    return values


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: series(particle=with_value(7, np.nan)), "not a number"),
        (lambda: series(support=with_value(7, np.inf)), "not a number"),
        (lambda: series(particle=with_value(7, -20.0)), "not in kelvin"),
        (lambda: series(particle=np.full(100, 0.05)), "cannot be in kelvin"),
        (lambda: series(np.delete(np.arange(101) * 0.1, 50)), "gap"),
        (lambda: series(np.r_[TIME[:50], TIME[49:99]]), "does not increase"),
        (lambda: series(TIME * 1e-12), "not in picoseconds"),
        (lambda: series(np.arange(30000.0)), "not in picoseconds"),
        (lambda: series(TIME[:10]), "too short"),
        (lambda: series(particle=np.full(99, 500.0)), "does not match"),
        (lambda: series(E_particle_eV=np.zeros(3)), "does not match"),
    ],
)
def test_unusable_series_is_refused_by_name(make, what):
    with pytest.raises(InputError, match=what):
        make()


def test_row_of_the_fault_is_named():
    with pytest.raises(InputError) as caught:
        series(particle=with_value(7, np.nan))
    assert caught.value.values["row"] == 8


def test_blocks_keep_the_mean_and_leave_an_incomplete_one_out():
    one = series()
    blocks = one.blocks("T_particle_K", 0.7)
    assert len(blocks) == 100 // 7
    assert blocks.mean() == pytest.approx(one.T_particle_K[:98].mean())


def test_window_keeps_both_ends():
    part = series().between(1.0, 5.0)
    assert part.time_ps[[0, -1]] == pytest.approx([1.0, 5.0])
    with pytest.raises(InputError, match="too few samples"):
        series().between(9.0, None)
