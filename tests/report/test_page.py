"""The report page, from documents saved in a real database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.report.documents import gather
from beamheat_fw.report.numbers import number
from beamheat_fw.report.page import render, write_report
from beamheat_fw.report.sections.answer import answer
from beamheat_fw.report.status import campaign_status
from beamheat_fw.store.documents import CampaignRecord
from beamheat_fw.store.rounds import upsert_round

SECTIONS = (
    "Temperature rise", "Interface conductance", "Committee", "Gate", "Labels",
    "Electron energy loss", "Provenance", "Costs", "Failures", "Versions",
)  # fmt: skip


FIGURES = {
    "Temperature rise against dose rate",
    "Bounds of the temperature rise",
    "Error budget by cause",
    "Temperatures of particle and support",
    "Relaxation of the temperature difference with its fit",
    "Conductance from each run alone",
    "Force errors over the rounds",
    "Forces of the committee against the reference",
    "True error against the error said",
    "Calibration of the spread by environment",
    "Coverage at 68 and 95 %",
    "Frames by the gate's judgement",
    "Spectrum of the thickest position with its windows",
    "Energy loss along the line scan",
    "What was made from what",
}
#: Width of a figure on a phone of 360 pixels, its margins taken off.
PHONE_PX = 328.0


def test_campaign_with_nothing_yet_has_a_page(filled) -> None:
    page = render(filled.store, filled.id)
    assert "not known yet" in page
    assert [title for title in SECTIONS if f"<h2>{title}</h2>" in page] == list(SECTIONS)
    assert "<svg" not in page


def test_answer_stands_before_every_section(finished) -> None:
    head = finished.page[: finished.page.index("<h2")]
    assert f"{number(finished.prediction.delta_T_K)} K" in head
    assert "68 % interval" in head
    assert "80 keV" in head


def test_every_section_of_a_finished_campaign_shows_its_documents(finished) -> None:
    page = finished.page
    assert [title for title in SECTIONS if f"<h2>{title}</h2>" in page] == list(SECTIONS)
    said = (
        "heat capacity",
        "The SCF did not converge",
        "26.7.0",
        "node042",
        "holdout",
        "7.5 s",
        "CRPS",
        "t/λ fitted",
    )
    assert [text for text in said if text not in page] == []


def test_every_figure_is_there_and_says_what_it_is(finished) -> None:
    titles = re.findall(r'<svg role="(?:img|group)" aria-label="([^"]+)"', finished.page)
    assert len(titles) == len(set(titles)) == finished.page.count("<svg")
    assert set(titles) == FIGURES


def test_text_in_figures_is_at_least_12_pixels_on_a_phone(finished) -> None:
    figures = re.findall(r"<svg.*?</svg>", finished.page, flags=re.DOTALL)
    for figure in figures:
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', figure)[1])
        sizes = [float(size) for size in re.findall(r"(?:font:|font-size:) ?([\d.]+)px", figure)]
        assert min(sizes) * PHONE_PX / width >= 12.0


def test_page_names_nothing_outside_itself(finished) -> None:
    for outside in ("http:", "https:", "@import", "<link", " src=", "url(//", "import("):
        assert outside not in finished.page
    assert {link[0] for link in re.findall(r'href="(.)', finished.page)} == {"#"}


def test_colours_of_figures_follow_the_page_into_the_dark(finished) -> None:
    for figure in re.findall(r"<svg.*?</svg>", finished.page, flags=re.DOTALL):
        assert not re.search(r"#[0-9a-f]{6}", figure)


def test_ids_in_the_page_are_unique_and_every_reference_has_its_target(finished) -> None:
    ids = re.findall(r'\bid="([^"]+)"', finished.page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([^"]+)"', finished.page))
    assert targets | set(re.findall(r"url\(#([^)]+)\)", finished.page)) <= set(ids)


def test_page_of_a_small_campaign_is_small(finished) -> None:
    assert len(finished.page.encode()) < 1_000_000


def test_committee_that_did_not_converge_is_called_so_in_words(finished) -> None:
    assert "NOT CONVERGED" in finished.page[: finished.page.index("<h2")]
    assert "accurate share" in finished.page


def test_page_and_status_name_what_holds_a_stalled_committee_back(filled) -> None:
    filled.learn("stalled")
    held = {"holding_back": ["interface", "particle"]}
    record = filled.store.load(CampaignRecord, filled.id)
    last = campaign_status(filled.store, record)["rounds"][-1]["round"]
    upsert_round(filled.store, filled.id, last, verdict_details=held)
    assert campaign_status(filled.store, record)["rounds"][-1]["holding_back"] == held["holding_back"]
    assert "stalled, held back by interface, particle." in render(filled.store, filled.id)


def test_converged_committee_is_not_called_unconverged(filled) -> None:
    filled.learn("converged")
    said = answer(gather(filled.store, filled.id))
    assert said.tone == "good"
    assert said.verdict == "Converged: the committee met its targets in round 2."


def test_conductance_compatible_with_zero_is_said_and_leaves_no_upper_bound(filled) -> None:
    filled.learn("converged")
    conductance = filled.heat(tau_ps=1e6)
    assert conductance.compatible_with_zero
    filled.predict(conductance, filled.measure(), converged=True)
    said = answer(gather(filled.store, filled.id))
    assert said.value.startswith("at least")
    assert "no upper bound" in said.interval
    assert "compatible with zero" in said.cautions[0]
    page = render(filled.store, filled.id)
    assert "≥" in page
    assert "A band without an upper edge is unbounded" in page
    assert "inf" not in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)[0]


def test_half_done_campaign_shows_what_there_is(filled) -> None:
    filled.label(0)
    page = render(filled.store, filled.id)
    assert "5 completed, 1 failed" in page
    assert "No heated particle has been simulated yet" in page


def test_spectrum_that_another_campaign_shares_stays_in_the_report(filled) -> None:
    spectrum = filled.measure()
    filled.store.save(spectrum.model_copy(update={"campaign_id": "another one"}))
    assert gather(filled.store, filled.id).spectrum.id == spectrum.id


def test_words_from_outside_cannot_become_markup(filled) -> None:
    from beamheat_fw.store import labels

    ids = filled.label(0)
    labels.retry(filled.store, ids)
    labels.fail(filled.store, ids[-1], {"what": "<script>alert(1)</script>"})
    assert "<script>alert" not in render(filled.store, filled.id)


def test_report_is_written_whole_or_not_at_all(filled, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert write_report(filled.store, filled.id, path) == path
    before = path.read_text()
    with pytest.raises(StoreError):
        write_report(filled.store, "no-such-campaign", path)
    assert path.read_text() == before
    with pytest.raises(InputError, match="cannot be written"):
        write_report(filled.store, filled.id, tmp_path / "missing" / "report.html")
    assert [found.name for found in tmp_path.iterdir()] == ["report.html"]
