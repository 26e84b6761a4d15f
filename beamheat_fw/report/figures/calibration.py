"""Figures of what a committee's forces and their spread are worth, on labels it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beamheat_fw.report.figures.canvas import COLOURS, FAINT, INK, draw, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from beamheat_fw.store.documents import Committee, Potential

_PLACES = {"particle": COLOURS[1], "interface": COLOURS[2], "support": COLOURS[0], "all": INK}


def errors_by_round(potentials: Sequence[Potential], committees: Sequence[Committee]) -> str:
    """Draw force errors by round: of members on validation frames, of all together on held-out ones."""

    def plot(axes: Axes) -> None:
        known = [(each.round, each.metrics["force_rmse_eV_A"]) for each in potentials if _rmse(each.metrics)]
        axes.plot(*zip(*known, strict=True), "o", ms=4, mfc="none", color=COLOURS[1], label="members")
        held_out = [(each.round, _rmse(each.metrics)) for each in committees if _rmse(each.metrics)]
        if held_out:
            axes.plot(
                *zip(*held_out, strict=True), "o-", ms=4.5, color=COLOURS[0], label="committee, held out"
            )
        axes.set(
            xlabel="round", ylabel="force RMSE (eV/Å)", xticks=sorted({each.round for each in potentials})
        )
        axes.set_ylim(0, None)
        axes.margins(x=0.1)
        axes.legend(loc="lower left")

    return draw(plot, "Force errors over the rounds", height_pt=240)


def _rmse(metrics: Mapping[str, Any]) -> float | None:
    """Return the error over all atoms: it stands alone or under ``all``, beside those of environments."""
    found: float | None = metrics.get("all", metrics).get("force_rmse_eV_A")
    return found


def parity(places: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Draw force components of the committee against the reference, by environment, with the diagonal."""

    def plot(axes: Axes) -> None:
        largest = 1.05 * max(abs(value) for each in places.values() for value in each["reference_eV_A"])
        axes.plot((-largest, largest), (-largest, largest), ":", color=INK, lw=1.0)
        for name, each in places.items():
            axes.plot(
                each["reference_eV_A"], each["committee_eV_A"],
                "o", ms=2.6, mew=0, alpha=0.6, color=_PLACES.get(name, COLOURS[3]), label=name,
            )  # fmt: skip
        ends = (-largest, largest)
        axes.set(xlabel="reference (eV/Å)", ylabel="committee (eV/Å)", xlim=ends, ylim=ends)
        axes.legend(loc="upper left", markerscale=2.0, handletextpad=0.2)

    return draw(plot, "Forces of the committee against the reference", height_pt=290)


def spread_against_error(binned: Mapping[str, Sequence[float]]) -> str:
    """Draw the true error in bins against the error said: the spread as it is, and after calibration."""

    def plot(axes: Axes) -> None:
        values = [*binned["spread_eV_A"], *binned["expected_eV_A"], *binned["error_eV_A"]]
        ends = (0.6 * max(min(values), 1e-3 * max(values)), 1.6 * max(values))
        axes.plot(ends, ends, ":", color=INK, lw=1.0)
        drawn: dict[str, Any] = {"marker": "o", "ms": 4.5, "lw": 0.9}
        said, found = binned["spread_eV_A"], binned["error_eV_A"]
        axes.plot(said, found, color=COLOURS[1], mfc="none", label="spread as it is", **drawn)
        axes.plot(binned["expected_eV_A"], found, color=COLOURS[0], label="calibrated bound", **drawn)
        _equal_logarithms(axes, ends)
        axes.set(xlabel="error said (eV/Å)", ylabel="true error, RMS (eV/Å)")
        axes.legend(loc="lower right")

    return draw(plot, "True error against the error said", height_pt=290)


def spread_maps(maps: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw the true error expected at each spread, for all atoms and for each environment."""
    groups = {name: each for name, each in maps.items() if "/" not in name}

    def plot(axes: Axes) -> None:
        values = [v for each in groups.values() for key in ("knots_eV_A", "expected_eV_A") for v in each[key]]
        ends = (0.7 * max(min(values), 1e-3 * max(values)), 1.4 * max(values))
        axes.plot(ends, ends, ":", color=INK, lw=1.0)
        for name, each in groups.items():
            label, colour = "all atoms" if name == "all" else name, _PLACES.get(name, COLOURS[3])
            axes.plot(each["knots_eV_A"], each["expected_eV_A"], "o-", ms=3.5, color=colour, label=label)
        _equal_logarithms(axes, ends)
        axes.set(xlabel="spread (eV/Å)", ylabel="error expected (eV/Å)")
        axes.legend(loc="lower right")

    return draw(plot, "Calibration of the spread by environment", height_pt=290)


def coverage(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw the share of true errors found inside the bounds of 68 and 95 %, group by group."""
    rows = [(name, each) for name, each in groups.items() if "0.68" in each][::-1]
    names = {"all": "all atoms"} | {f"spread-quintile-{i}": f"spread, fifth {i}" for i in range(1, 6)}

    def plot(axes: Axes) -> None:
        for colour, level in zip(COLOURS, ("0.68", "0.95"), strict=False):
            axes.axvline(100 * float(level), color=colour, lw=0.9, ls=":")
            for row, (_, each) in enumerate(rows):
                found = {name: 100 * value for name, value in each[level].items()}
                axes.plot((found["low"], found["high"]), (row, row), color=colour, lw=1.4)
                axes.plot(found["observed"], row, "o", ms=5, color=colour)
        for row in range(len(rows)):
            axes.axhline(row, color=FAINT, lw=0.5, zorder=0)
        axes.set(xlabel="errors inside the bound (%)", xticks=(0, 25, 50, 68, 95), xlim=(0, 101))
        axes.set(yticks=range(len(rows)), yticklabels=[names.get(name, name) for name, _ in rows])
        axes.tick_params(axis="y", length=0)

    return draw(plot, "Coverage at 68 and 95 %", height_pt=70 + 24 * len(rows))


def _equal_logarithms(axes: Axes, ends: tuple[float, float]) -> None:
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for which in "xy":
        log_ticks(axes, which)
