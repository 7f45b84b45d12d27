"""The inner tab Report in the real app, and a report as a file, in headless Chromium."""

import csv
import io
import zipfile

import pytest

from arcbench.report import gather
from arcbench.report import page as report_page
from tests.browsing import tab
from tests.reported_runs import EVIL, made_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = "reported"
WIDTHS = [360, 1400]


@pytest.fixture(scope="module")
def run(runs):
    return made_run(runs, RUN)


@pytest.mark.parametrize("page", [f"/?tab=runs&view=report&run={RUN}"], indirect=True)
def test_the_report_of_a_run_is_shown_and_taken_away(run, page, tmp_path):
    frame = page.frame_locator("iframe.ab-report")
    frame.get_by_role("heading", name="What was found").wait_for()
    assert page.locator("iframe.ab-report").get_attribute("sandbox") == ""
    got = {}
    for words in ("Page", "Picture", "Metrics (CSV)", "Run without checkpoints (zip)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=words).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        got[path.name] = path.read_bytes()
    assert set(got) == {
        f"{RUN}-{n}" for n in ("report.html", "report.png", "metrics.csv", "run.zip")
    }
    assert got[f"{RUN}-report.html"].startswith(b"<!doctype html>")
    assert got[f"{RUN}-report.png"].startswith(b"\x89PNG")
    table = list(csv.DictReader(io.StringIO(got[f"{RUN}-metrics.csv"].decode())))
    assert [row["step"] for row in table] == ["1", "2", "3"]
    assert f"{RUN}/metrics.jsonl" in zipfile.ZipFile(io.BytesIO(got[f"{RUN}-run.zip"])).namelist()


@pytest.mark.long
def test_another_run_takes_the_place_of_the_report_in_sight(run, runs, page):
    made_run(runs, "another")
    tab(page, "Runs")
    page.locator(f'#ab-runs button[data-run="{RUN}"]').click()
    page.get_by_role("tab", name="Report").click()
    page.frame_locator("iframe.ab-report").get_by_role("heading", name=RUN, exact=True).wait_for()
    page.locator('#ab-runs button[data-run="another"]').click()
    page.frame_locator("iframe.ab-report").get_by_role("heading", name="another").wait_for()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_file_runs_nothing_asks_nobody_and_fits_the_screen(
    run, browser, tmp_path, width, scheme
):
    file = tmp_path / "report.html"
    file.write_text(report_page(gather(run)), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    seen, complaints, asked = context.new_page(), [], []
    seen.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    seen.on("console", lambda message: complaints.append(message.text))
    seen.on("request", lambda request: asked.append(request.url))
    seen.goto(file.as_uri())
    assert EVIL in seen.locator("body").inner_text()
    assert seen.locator("script, img[src^=http]").count() == 0
    assert seen.title() == f"{RUN}: report of a run"
    assert complaints == []
    assert asked == [file.as_uri()]
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    ground = seen.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    context.close()
