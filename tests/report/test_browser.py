"""The report in a browser: nothing fetched, nothing broken, legible on a phone, in the dark and in print."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report.legibility import CONTRASTS, OVERFLOWING, SMALL_TEXT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
PHONE, DESKTOP = {"width": 375, "height": 812}, {"width": 1280, "height": 900}
#: WCAG 2.2, level AA, for text of ordinary size.
READABLE_CONTRAST = 4.5
TURN = """(range, dose) => {
  range.value = Math.log10(dose);
  range.dispatchEvent(new Event("input", { bubbles: true }));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "the tests need a Chromium: launchers/set_up.sh --tests installs one"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report_file(finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished campaign's page as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(finished.page, encoding="utf-8")
    return path


class Opened:
    """A page that was opened, and what the browser had to say."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())


@pytest.fixture(params=["light", "dark"])
def phone(request: pytest.FixtureRequest, browser: Browser, report_file: Path) -> Iterator[Opened]:
    """The report on a phone, by day and by night, with everything unfolded."""
    context = browser.new_context(viewport=PHONE, color_scheme=request.param)
    opened = Opened(context.new_page(), report_file)
    opened.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    yield opened
    context.close()


@pytest.fixture
def desktop(browser: Browser, report_file: Path) -> Iterator[Opened]:
    """The report on a desk."""
    context = browser.new_context(viewport=DESKTOP)
    yield Opened(context.new_page(), report_file)
    context.close()


def test_page_opens_without_complaint_and_asks_for_nothing_else(phone: Opened, report_file: Path) -> None:
    assert phone.complaints == []
    assert phone.requests == [report_file.as_uri()]


def test_every_figure_is_drawn_with_a_size_on_a_phone(phone: Opened, finished) -> None:
    boxes = phone.page.eval_on_selector_all(
        "figure > svg", "figures => figures.map((each) => each.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == finished.page.count("<figure")
    assert all(box["width"] > 300 and box["height"] > 80 for box in boxes)


def test_nothing_reaches_over_the_edge_of_a_phone(phone: Opened) -> None:
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert phone.page.evaluate(OVERFLOWING) == []


def test_no_text_is_smaller_than_12_pixels_on_a_phone(phone: Opened) -> None:
    assert phone.page.evaluate(SMALL_TEXT, 12.0) == []


def test_all_text_stands_out_from_its_ground_by_day_and_by_night(phone: Opened) -> None:
    contrasts = phone.page.evaluate(CONTRASTS)
    assert len(contrasts) > 100
    assert [found for found in contrasts if found["ratio"] < READABLE_CONTRAST] == []


def test_dial_says_what_the_table_says(desktop: Opened, finished) -> None:
    form = desktop.page.locator("form.dial")
    assert form.is_visible()
    form.get_by_label("300 keV").check()
    for row in (row for row in finished.prediction.table if row["beam_energy_keV"] == 300.0):
        form.locator("input[type=range]").evaluate(TURN, row["dose_rate_e_A2_s"])
        said = form.locator("output[name=rise]").inner_text()
        assert float(said.split()[0]) == pytest.approx(row["delta_T_K"], rel=6e-3)


def test_dial_marks_its_choice_on_the_line_of_the_figure(desktop: Opened) -> None:
    marked = desktop.page.evaluate(
        """() => {
          const [marker] = document.querySelectorAll("svg circle.marker");
          const [left, right, top, bottom] = marker.parentNode.dataset.box.split(" ").map(Number);
          const [x, y] = [marker.cx.baseVal.value, marker.cy.baseVal.value];
          const inside = left <= x && x <= right && top <= y && y <= bottom;
          return { inside, x: (x - left) / (right - left) };
        }"""
    )
    assert marked["inside"]
    assert marked["x"] > 0.9


def test_box_of_the_graph_lights_up_its_trail_alone(desktop: Opened) -> None:
    desktop.page.locator("[data-box-key^='spectra']").hover()
    aside = desktop.page.eval_on_selector_all(
        "[data-box-key].aside", "boxes => boxes.map((box) => box.dataset.boxKey.split('/')[0])"
    )
    assert {"labels", "potentials", "committees", "conductances"} <= set(aside)
    assert not {"spectra", "predictions", "campaigns"} & set(aside)


def test_print_shows_what_is_folded_on_screen(desktop: Opened) -> None:
    folded = desktop.page.locator("details").first
    assert not folded.locator("table").is_visible()
    desktop.page.emulate_media(media="print")
    desktop.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert folded.locator("table").is_visible()
    assert not desktop.page.locator("form.dial").is_visible()
    desktop.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folded.get_attribute("open") is None
