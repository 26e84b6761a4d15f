"""The report page, from documents saved in a real database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beamheat_fw.errors import InputError, StoreError
from beamheat_fw.report.numbers import number
from beamheat_fw.report.page import render, write_report

SECTIONS = (
    "Temperature rise", "Interface conductance", "Committee", "Gate", "Labels",
    "Electron energy loss", "Provenance", "Costs", "Failures", "Versions",
)  # fmt: skip


def test_campaign_with_nothing_yet_has_a_page(filled) -> None:
    page = render(filled.store, filled.id)
    assert "not known yet" in page
    assert [title for title in SECTIONS if f"<h2>{title}</h2>" in page] == list(SECTIONS)
    assert "<svg" not in page


def test_answer_stands_before_every_section(filled) -> None:
    prediction = filled.finish()
    page = render(filled.store, filled.id)
    assert f"{number(prediction.delta_T_K)} K" in page[: page.index("<h2")]
    assert "68 % interval" in page[: page.index("<h2")]
    assert "80 keV" in page[: page.index("<h2")]


def test_every_section_of_a_finished_campaign_shows_its_documents(filled) -> None:
    filled.finish()
    page = render(filled.store, filled.id)
    assert [title for title in SECTIONS if f"<h2>{title}</h2>" in page] == list(SECTIONS)
    for shown in (
        "heat capacity",
        "t/λ",
        "The SCF did not converge",
        "gpaw",
        "26.7.0",
        "node042",
        "holdout",
        "7.5 s",
    ):
        assert shown in page


def test_page_names_nothing_outside_itself(filled) -> None:
    filled.finish()
    page = render(filled.store, filled.id)
    for outside in ("http:", "https:", "//", "@import", "<script", "<link", " src="):
        assert outside not in page
    assert {link[0] for link in re.findall(r'href="(.)', page)} == {"#"}


def test_committee_that_did_not_converge_is_called_so_in_words(filled) -> None:
    filled.finish(verdict="not converged")
    page = render(filled.store, filled.id)
    assert "NOT CONVERGED" in page[: page.index("<h2")]


def test_converged_committee_is_not_called_unconverged(filled) -> None:
    filled.finish()
    assert "NOT CONVERGED" not in render(filled.store, filled.id)


def test_conductance_compatible_with_zero_is_said_and_leaves_no_upper_bound(filled) -> None:
    filled.learn("converged")
    conductance = filled.heat(temperature_K=302.0, seeds=1)
    assert conductance.compatible_with_zero
    filled.predict(conductance, filled.measure(), converged=True)
    head = render(filled.store, filled.id).split("<h2")[0]
    assert "compatible with zero" in head
    assert "at least" in head


def test_half_done_campaign_shows_what_there_is(filled) -> None:
    filled.label(0)
    page = render(filled.store, filled.id)
    assert "5 completed, 1 failed" in page
    assert "No heated particle has been simulated yet" in page


def test_ids_in_the_page_are_unique_and_every_reference_has_its_target(filled) -> None:
    filled.finish()
    page = render(filled.store, filled.id)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert targets <= set(ids)


def test_words_from_outside_cannot_become_markup(filled) -> None:
    from beamheat_fw.store import labels

    ids = filled.label(0)
    labels.retry(filled.store, ids)
    labels.fail(filled.store, ids[-1], {"what": "<script>alert(1)</script>"})
    assert "<script" not in render(filled.store, filled.id)


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
