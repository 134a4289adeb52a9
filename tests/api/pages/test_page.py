"""The page in a real browser: fill, see the advice change, open a proof, switch language, run a query, store, print; keyboard and contrast."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

import calx.api.pages
from calx.api.pages.book import Affected
from calx.api.pages.examples import Example
from calx.reasoner.load.sample import SAMPLE
from calx.reasoner.recommendation import Reasoner
from tests.api.running import Running

CHROMIUM = next(
    (
        path
        for path in ("/usr/bin/chromium", shutil.which("chromium"), shutil.which("google-chrome"))
        if path and Path(path).exists()
    ),
    None,
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LESION = "/?max_superficial_arc_deg=300&vessel_diameter_mm=3.2&residual_thin_plaque=true"
SURE = "/sure?max_superficial_arc_deg=300&reference_vessel_diameter_mm=3.3&balloon_crossed=true&residual_thin_plaque=true&stage=before_preparation"
SHOTS = os.environ.get("CALX_SCREENSHOTS")
"""A folder in which to leave pictures for somebody to look at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium (Debian: chromium); .ci/run installs it")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, service: Running, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of 1280 pixels that takes note of every error and every request beyond this service."""
    with browser.new_context(
        base_url=service.url, viewport={"width": 1280, "height": 900}, locale="en-GB"
    ) as context:
        found = context.new_page()
        faults: list[str] = []
        found.on(
            "console",
            lambda message: (
                faults.append(message.text)
                if message.type == "error" and not re.search("422|503", message.text)
                else None
            ),
        )
        found.on("pageerror", lambda error: faults.append(str(error)))
        found.on(
            "request",
            lambda sent: (
                faults.append(sent.url)
                if not sent.url.startswith((service.url, "data:", "blob:"))
                else None
            ),
        )
        yield found
        if SHOTS:
            found.screenshot(
                path=str(Path(SHOTS) / f"{re.sub('[^a-z0-9_]+', '-', request.node.name)}.png"),
                full_page=True,
            )
        assert not faults


def choose(page: Page, fact: str, value: str) -> None:
    page.locator(f"#f-{fact} input[value='{value}']").check(force=True)


def test_the_advice_follows_every_fact(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#advice")).to_contain_text("unknown, never as no")
    page.locator("#i-max_superficial_arc_deg").fill("100")
    expect(page.locator(".lead")).to_contain_text("stepwise balloon")
    expect(page.locator(".cross-section")).to_have_attribute("aria-label", re.compile("arc 100°"))
    page.locator("#i-max_superficial_arc_deg").fill("300")
    expect(page.locator(".lead")).to_contain_text("modify the calcium before stenting")
    expect(page.locator(".lead .badge")).to_contain_text("PROVISIONAL")
    expect(page.locator(".alert.critical")).to_have_count(0)
    expect(page.locator(".ask")).to_contain_text("C-CAT")
    choose(page, "residual_thin_plaque", "true")
    expect(page.locator(".alert.critical")).to_contain_text("C-CAT")
    assert page.locator("#advice .answer > *").first.get_attribute("class") == "alert critical", (
        "critical alerts come first"
    )
    assert "residual_thin_plaque=true" in page.url


def test_the_address_is_a_link_to_the_answer(page: Page) -> None:
    page.goto(LESION)
    expect(page.locator(".alert.critical")).to_contain_text("C-CAT")
    expect(page.locator("#i-max_superficial_arc_deg")).to_have_value("300")
    expect(page.locator("#f-residual_thin_plaque input[value=true]")).to_be_checked()


def test_why_leads_step_by_step_down_to_the_citation(page: Page) -> None:
    page.goto(LESION)
    page.locator(".lead .why").first.click()
    dialog = page.locator("#why")
    expect(dialog).to_contain_text("D4")
    expect(dialog.locator(".pro cite").first).to_be_visible()
    expect(dialog.locator(".contra .disputes").first).to_contain_text("Kirtane")
    dialog.locator("a.deeper").first.click()
    expect(dialog).to_contain_text("C1")
    expect(dialog).to_contain_text("= 300°")
    dialog.locator("[data-back]").click()
    expect(dialog).to_contain_text("D4")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()


def test_what_is_missing_leads_to_its_field(page: Page) -> None:
    page.goto(LESION)
    link = page.locator(".ask .question a").first
    fact = (link.get_attribute("href") or "").removeprefix("#f-")
    link.click()
    expect(page.locator(f"#f-{fact}")).to_be_in_viewport()
    expect(page.locator(f"#f-{fact}")).to_have_class(re.compile("asked"))


def test_a_wrong_entry_is_told_at_its_field_and_nothing_is_advised(page: Page) -> None:
    page.goto("/")
    page.locator("#i-max_superficial_arc_deg").fill("344 deg")
    expect(page.locator(".problems")).to_contain_text("not a number")
    expect(page.locator("#i-max_superficial_arc_deg")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".lead")).to_have_count(0)
    page.locator("#i-max_superficial_arc_deg").fill("344")
    expect(page.locator(".problems")).to_have_count(0)
    expect(page.locator(".lead")).to_be_visible()


def test_an_address_with_a_contradiction_or_an_unknown_fact_is_not_answered(page: Page) -> None:
    page.goto("/?max_superficial_arc_deg=350&max_superficial_arc_deg=90")
    expect(page.locator(".problems")).to_contain_text("more than once")
    expect(page.locator(".lead")).to_have_count(0)
    page.goto("/?max_superfical_arc_deg=350&calcium_present=false")
    expect(page.locator(".problems")).to_contain_text("did you mean 'max_superficial_arc_deg'")


def test_the_language_changes_and_the_lesion_stays(page: Page) -> None:
    page.goto("/")
    page.locator("#i-max_superficial_arc_deg").fill("300")
    expect(page.locator(".lead")).to_be_visible()
    page.locator("a.language").click()
    expect(page.locator(".lead")).to_contain_text("支架前钙化修饰（旋磨、轨道旋磨或冲击波）")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    expect(page.locator("#i-max_superficial_arc_deg")).to_have_value("300")
    page.locator("#i-max_superficial_arc_deg").fill("100")
    expect(page.locator(".lead")).to_contain_text("球囊")


def test_every_example_is_one_click_away(page: Page) -> None:
    page.goto("/")
    names = page.locator(".chip").all_inner_texts()
    assert len(names) >= 6
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(".answer")).to_be_visible()
        assert page.locator(".problems").count() == 0


def test_an_answer_is_stored_listed_shown_and_deleted(page: Page) -> None:
    page.goto(LESION)
    page.get_by_text("Keep or share this answer").click()
    page.locator("#store-id").fill("from-the-page")
    page.get_by_role("button", name="Store this answer").click()
    expect(page.locator("h1")).to_contain_text("from-the-page")
    expect(page.locator(".replay")).to_contain_text("still answers so")
    expect(page.locator(".alert.critical")).to_contain_text("C-CAT")
    page.goto("/cases")
    page.get_by_role("link", name="from-the-page").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("main")).not_to_contain_text("from-the-page")


def test_a_ready_question_is_run_in_yasgui(page: Page) -> None:
    page.goto("/sparql")
    page.locator(".ready summary").click()
    page.locator("[data-query]").filter(has_text="disputed, by which study").click()
    expect(page.locator(".yasr .dataTable tbody tr, .yasr table tbody tr").first).to_be_visible(
        timeout=15000
    )
    expect(page.locator("#yasgui")).to_contain_text("eclipse2025")


def test_a_print_of_an_answer_holds_the_answer_and_not_the_form(page: Page) -> None:
    page.goto(LESION)
    page.emulate_media(media="print")
    expect(page.locator(".lead")).to_be_visible()
    expect(page.locator("#lesion")).not_to_be_visible()
    expect(page.locator(".top")).not_to_be_visible()
    expect(page.locator(".notice")).to_be_visible()


def test_an_answer_is_printed_on_one_page_with_its_link_and_digest(
    page: Page, service: Running
) -> None:
    for path in (LESION, LESION + "&lang=zh"):
        page.emulate_media(media="print")
        page.goto(path)
        assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
        expect(page.locator(".print-only")).to_contain_text(service.url + "/?max_superficial")
        expect(page.locator(".print-only")).to_contain_text("sha256:")
        for part in (".alert.critical h2 .why", ".lead .headline .why", ".plan .thing .why"):
            expect(page.locator(part).first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "path",
    [
        LESION,
        LESION + "&lang=zh",
        "/cases",
        "/rules",
        "/rules/D4",
        "/studies/eclipse2025",
        "/guideline",
        "/docs",
        "/sparql",
        "/drafts",
    ],
)
def test_nothing_is_cut_off_at_this_width(width: int, path: str, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.childNodes.length && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !e.closest('svg, .yasgui') && parseFloat(getComputedStyle(e).fontSize) < 12).map(e => e.outerHTML.slice(0, 80))"
    )
    assert not small


def test_on_a_small_screen_the_bar_opens_the_answer_and_closes_it(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(LESION)
    bar = page.locator("#bar")
    expect(bar).to_be_in_viewport()
    expect(bar).to_contain_text("C-CAT")
    expect(bar).to_contain_text(
        "modify the calcium before stenting · intravascular lithotripsy (provisional)"
    )
    expect(page.locator("#advice")).not_to_be_visible()
    bar.click()
    expect(page.locator(".alert.critical")).to_be_in_viewport()
    expect(page.locator(".lead .headline")).to_be_in_viewport()
    expect(bar).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#advice")).not_to_be_visible()
    expect(bar).to_be_focused()


@pytest.mark.parametrize("width", [768, 1280])
def test_on_a_wider_screen_the_answer_stays_beside_the_form(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(LESION)
    for group in page.locator(".group .later").all():
        if group.is_visible() and group.inner_text():
            group.click()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate("scrollY") > 400
    expect(page.locator(".lead .headline")).to_be_in_viewport()
    expect(page.locator("#bar")).not_to_be_visible()


def test_about_eight_facts_are_asked_at_first_and_those_of_the_stage(page: Page) -> None:
    page.goto("/")

    def shown() -> set[str]:
        return set(
            page.evaluate(
                "[...document.querySelectorAll('.field')].filter(e => e.checkVisibility()).map(e => e.id.slice(2))"
            )
        )

    assert {"stage", "complication_free", "max_superficial_arc_deg"} <= shown()
    assert len(shown()) <= 11
    choose(page, "stage", "after_stent")
    expect(page.locator("#f-minimum_stent_area_mm2")).to_be_visible()
    assert "residual_thin_plaque" not in shown()
    assert len(shown()) <= 11
    choose(page, "stage", "before_preparation")
    expect(page.locator("#f-minimum_stent_area_mm2")).not_to_be_visible()
    expect(page.locator("#g-stent")).not_to_be_visible()
    page.locator("#g-complication .later").click()
    expect(page.locator("#f-coronary_dissection")).to_be_visible()
    choose(page, "complication_free", "true")
    expect(page.locator("#f-coronary_dissection")).not_to_be_visible()


def test_a_question_is_answered_where_it_stands(page: Page) -> None:
    page.goto("/?max_superficial_arc_deg=300&stage=before_preparation")
    question = page.locator(".question", has_text="complications looked for")
    question.get_by_text("No complication so far").click()
    expect(page.locator("#f-complication_free input[value=true]")).to_be_checked()
    expect(question).to_have_count(0)
    assert "complication_free=true" in page.url
    expect(page.locator("#ask")).to_be_focused()
    page.goto(
        "/?max_superficial_arc_deg=300&stage=before_preparation&complication_free=true&residual_thin_plaque=false"
        "&surgical_candidate=true&in_stent=false&chronic_total_occlusion=false&target_vessel=lad&thrombus=false"
    )
    number = page.locator(".question input[data-for]").first
    expect(number).to_be_visible()
    fact = str(number.get_attribute("data-for"))
    number.fill("3,0")
    number.press("Enter")
    expect(page.locator(f"#i-{fact}")).to_have_value("3,0")
    expect(page.locator(f".question input[data-for={fact}]")).to_have_count(0)


def test_what_was_entered_is_echoed(page: Page) -> None:
    page.goto("/?max_superficial_arc_deg=300&vessel_diameter_mm=3.2&thrombus=true")
    expect(page.locator("#f-max_superficial_arc_deg .echo")).to_contain_text("grade IV")
    expect(page.locator("#f-vessel_diameter_mm .echo")).to_have_text("vessel below 3.5 mm")
    expect(page.locator("#f-thrombus .echo")).to_contain_text("✗ rotational atherectomy")


@pytest.mark.parametrize(
    ("typed", "arc"),
    [("300,5", "300.5"), ("３００", "300"), ("３００．５", "300.5"), (" 90 ", "90"), ("90°", "90")],
)
def test_numbers_are_read_as_people_write_them(typed: str, arc: str, page: Page) -> None:
    page.goto("/")
    page.locator("#i-max_superficial_arc_deg").fill(typed)
    expect(page.locator(".cross-section")).to_have_attribute(
        "aria-label", re.compile(f"arc {arc}°")
    )
    expect(page.locator("#i-max_superficial_arc_deg")).to_have_value(typed)


def test_a_slip_takes_away_no_advice(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/?perforation_grade=ellis_3&tamponade=true")
    page.locator("#g-vessel .later").click()
    page.locator("#i-reference_vessel_diameter_mm").fill("30")
    expect(page.locator("#f-reference_vessel_diameter_mm .wrong")).to_contain_text("out of range")
    bar = page.locator("#bar.critical")
    expect(bar).to_contain_text("needs mending")
    expect(bar).to_contain_text("perforation, tamponade")
    bar.click()
    expect(page.locator(".problems")).to_contain_text("out of range")
    expect(page.locator("#advice .stale")).to_contain_text("does not count it")
    expect(page.locator(".alert.critical li").first).to_contain_text("balloon at the hole")
    page.locator(".lead .why").first.click()
    expect(page.locator("#why")).to_contain_text("D8")
    page.keyboard.press("Escape")
    page.locator(".problems").get_by_text("Take out").click()
    expect(page.locator("#advice .stale")).to_have_count(0)
    expect(page.locator(".problems")).to_have_count(0)
    expect(page.locator(".alert.critical")).to_be_visible()


def test_facts_of_another_stage_are_taken_out_with_a_tap(page: Page) -> None:
    page.goto("/?stage=after_stent&minimum_stent_area_mm2=4.2")
    choose(page, "stage", "before_preparation")
    expect(page.locator(".problems")).to_contain_text("minimum stent area")
    expect(page.locator("#f-max_superficial_arc_deg")).to_be_visible()
    page.get_by_text("Take out: minimum stent area").click()
    expect(page.locator(".problems")).to_have_count(0)
    expect(page.locator("#i-minimum_stent_area_mm2")).to_have_value("")


def test_without_the_service_the_last_advice_stays_and_says_so(page: Page) -> None:
    page.goto(LESION)
    page.route("**/advice*", lambda route: route.fulfill(status=503, body=""))
    choose(page, "thrombus", "true")
    expect(page.locator("#not-updated")).to_be_visible()
    expect(page.locator(".lead")).to_be_visible()
    page.unroute("**/advice*")
    choose(page, "thrombus", "false")
    expect(page.locator("#not-updated")).not_to_be_visible()


def test_a_comma_that_may_stand_for_thousands_is_asked_about(page: Page) -> None:
    page.goto("/?lesion_length_mm=1,500")
    expect(page.locator(".problems")).to_contain_text("could be 1.500 or 1500")
    expect(page.locator("#f-lesion_length_mm .wrong")).to_contain_text("could be 1.500 or 1500")
    expect(page.locator(".lead")).to_have_count(0)


def test_all_that_is_wrong_is_told_at_its_field_and_on_top_and_nothing_is_lost(page: Page) -> None:
    page.goto("/?max_superficial_arc_deg=400&vessel_diameter_mm=wide&thrombus=true")
    expect(page.locator(".problems li")).to_have_count(2)
    expect(page.locator("#f-max_superficial_arc_deg .wrong")).to_contain_text("out of range")
    expect(page.locator("#f-vessel_diameter_mm .wrong")).to_contain_text("not a number")
    expect(page.locator("#i-vessel_diameter_mm")).to_have_value("wide")
    expect(page.locator("#f-thrombus input[value=true]")).to_be_checked()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_five_named_lesions_are_two_taps_away_on_a_phone(
    language: str, browser: Browser, service: Running
) -> None:
    """From opening the page to the advice; nothing of what comes first lies below the screen's edge."""
    with browser.new_context(
        base_url=service.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        locale="en-GB" if language == "en" else "zh-CN",
    ) as context:
        page = context.new_page()
        for number in range(5):
            page.goto(f"/?lang={language}")
            page.locator(".examples .chip").nth(number).tap()
            page.locator("#bar").tap()
            expect(page.locator(".answer > *").first).to_be_in_viewport()
            expect(page.locator(".lead .headline")).to_be_in_viewport()


def move(page: Page, fact: str, value: float) -> None:
    """A slider, as a hand moves it."""
    page.locator(f".slide[data-fact={fact}] input").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        value,
    )


def test_the_advice_changes_as_a_slider_moves(page: Page, client: httpx.Client) -> None:
    """What stands beside the slider is what the engine answers to that value."""
    query = dict(parse_qsl(urlsplit(SURE).query))
    page.goto(SURE)
    moved = 0
    for fact, values in (
        ("max_superficial_arc_deg", (89, 90, 180, 269, 270, 359, 360, 300)),
        ("reference_vessel_diameter_mm", (1.9, 2, 2.4, 2.5, 2.9, 3, 5)),
    ):
        for value in values:
            move(page, fact, value)
            told = page.locator(".told-there section:visible")
            case = {**query, fact: value, "case_id": "moved"}
            case |= {n: float(v) for n, v in case.items() if n.endswith(("_deg", "_mm"))}
            case |= {n: v == "true" for n, v in query.items() if v in ("true", "false")}
            answer = client.post("/recommend", json=case).json()
            first = next(d["label"] for d in answer["devices"] if d["rank"] == 1)
            expect(told).to_contain_text(answer["strategy"]["label"])
            expect(told.locator("dd").nth(1)).to_have_text(first)
            for alert in answer["alerts"]:
                expect(told).to_contain_text(alert["label"])
            current = page.locator(f".slide[data-fact={fact}] li[aria-current]")
            expect(current).to_have_count(1)
            enter = page.locator(f".slide[data-fact={fact}] .moved a")
            own = query[fact] == str(value)
            expect(enter).to_be_hidden() if own else expect(enter).to_be_visible()
            moved += 1
    assert moved == 15
    page.locator(".slide[data-fact=reference_vessel_diameter_mm] .moved a").click()
    expect(page.locator("#i-reference_vessel_diameter_mm")).to_have_value("5")


@pytest.mark.parametrize(
    ("arc", "other"), [("89.6", 200), ("269.999999", 300), ("270.000001", 200)]
)
def test_a_slider_keeps_the_value_of_the_case(page: Page, arc: str, other: int) -> None:
    """Also where it lies between two of its steps, or within one of a border."""
    page.goto(f"/sure?max_superficial_arc_deg={arc}&reference_vessel_diameter_mm=2.6")
    slide = page.locator(".slide[data-fact=max_superficial_arc_deg]")
    for value in (None, other, float(arc)):
        if value is not None:
            move(page, "max_superficial_arc_deg", value)
        moved = value == other
        expect(slide.locator("output")).to_have_text(f"{other if moved else arc}°")
        expect(slide.locator(".moved a")).to_be_visible(visible=moved)
        expect(slide.locator("li.same[aria-current]")).to_have_count(0 if moved else 1)
    assert f"arc {arc}°" in slide.locator("h3").inner_text()


def test_what_would_lead_to_another_outcome_is_asked_on_the_page(page: Page) -> None:
    page.goto(SURE)
    page.locator("select[name=to]").select_option("first=rotational_atherectomy")
    page.locator("#to button").click()
    expect(page.locator(".ways li").first).to_contain_text("reference vessel diameter below")
    expect(page.locator("select[name=to]")).to_have_value("first=rotational_atherectomy")


def test_two_numbers_are_drawn_with_the_case_and_its_errors(page: Page) -> None:
    page.goto(SURE)
    expect(page.locator("svg.plane .case")).to_have_count(1)
    expect(page.locator("svg.plane polyline.border").first).to_be_attached()
    wide = page.locator("svg.plane .error").get_attribute("width")
    assert wide is not None
    assert float(wide) > 10, "the error of the reference, as a box"
    page.locator("select[name=plane-across]").select_option("max_superficial_arc_deg")
    page.locator("select[name=plane-up]").select_option("reference_vessel_diameter_mm")
    page.locator("#plane button").click()
    expect(page.locator("svg.plane")).to_have_attribute("aria-label", re.compile("^largest"))
    expect(page.locator(".legend li")).not_to_have_count(0)


def test_every_answer_says_unless_what_it_stands_and_leads_to_how_sure_it_is(page: Page) -> None:
    page.goto(SURE.replace("/sure", "/"))
    expect(page.locator(".unless")).to_contain_text("below 270°")
    page.locator(".unless a").click()
    expect(page.locator("h1")).to_have_text("How sure is it?")
    page.locator("a.language").click()
    expect(page.locator("h1")).to_have_text("有多大把握？")
    expect(page.locator(".slide").first).to_contain_text("成立")


def test_how_sure_it_is_can_be_read_without_a_script(browser: Browser, service: Running) -> None:
    with browser.new_context(base_url=service.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(SURE)
        expect(page.locator(".slide li").first).to_be_visible()
        expect(page.locator(".slide input").first).to_be_hidden()
        expect(page.locator("svg.plane")).to_be_visible()


def test_targets_are_large_enough_for_a_finger(browser: Browser, service: Running) -> None:
    with browser.new_context(
        base_url=service.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ) as context:
        page = context.new_page()
        page.goto(LESION)
        small = """() => [...document.querySelectorAll('button, .chip, .chips label, select, input:not([type=hidden], [type=radio], [type=checkbox]), summary, .top a, .group h3 label')]
        .filter(e => e.checkVisibility()).map(e => [e.getBoundingClientRect(), e]).filter(([r, e]) => r.height && r.height < 44).map(([r, e]) => e.outerHTML.slice(0, 80))"""
        assert page.evaluate(small) == []
        page.locator("#bar").tap()
        assert page.evaluate(small) == []


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(
    width: int, scheme: Literal["light", "dark"], browser: Browser, service: Running
) -> None:
    with browser.new_context(
        base_url=service.url,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        locale="en-GB",
    ) as context:
        page = context.new_page()
        paths = [LESION, "/?max_superficial_arc_deg=wide", "/", "/cases", "/guideline", "/rules/D4"]
        for path in [
            *paths,
            LESION.replace("/?", "/whole?"),
            SURE,
            "/?perforation_grade=ellis_3&lang=zh",
        ]:
            page.goto(path)
            if path == LESION and width == 390:
                page.locator("#bar").click()
            found = Axe().run(page).response["violations"]
            told = [(v["id"], v["nodes"][0]["html"][:120]) for v in found]
            assert told == [], path


def test_the_page_does_not_move_by_itself(page: Page) -> None:
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.moved += e.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto("/")
    for value in ("before_preparation", "after_stent", "after_preparation"):
        choose(page, "stage", value)
        expect(page.locator("#advice")).not_to_have_attribute("aria-busy", "true")
    page.locator("#i-max_superficial_arc_deg").fill("300")
    expect(page.locator(".lead")).to_be_visible()
    assert page.evaluate("window.moved") < 0.02


def test_a_chapter_is_shown_though_the_guideline_refuses_lesions_of_its_sample(
    tmp_path: Path,
) -> None:
    (tmp_path / SAMPLE).parent.mkdir()
    lesions = [{"case_id": "a", "max_superficial_arc_deg": 300}, {"case_id": "b", "gone": True}]
    (tmp_path / SAMPLE).write_text("\n".join(map(json.dumps, lesions)), encoding="utf-8")
    refused = Example("c", {"en": "refused", "zh": "refused"}, {"gone": True})
    affected = Affected(Reasoner(Reasoner.load().guideline, tmp_path), [refused])
    size, share = affected.share
    assert (size, share["D4"], affected.examples) == (1, 1, {})


def test_own_script_and_style_are_small() -> None:
    static = Path(calx.api.pages.__path__[0]) / "static"
    assert sum(path.stat().st_size for path in static.iterdir() if path.is_file()) <= 60_000


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip").first).to_be_focused()
    page.locator("#i-max_superficial_arc_deg").focus()
    page.keyboard.type("300")
    expect(page.locator(".lead")).to_be_visible()
    page.locator("#f-residual_thin_plaque input[value='']").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".alert.critical")).to_be_visible()
    page.locator(".alert.critical .why").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#why")).not_to_be_visible()


def test_every_field_and_picture_has_a_name(page: Page) -> None:
    page.goto(LESION)
    nameless = page.evaluate(
        """[...document.querySelectorAll('input:not([type=hidden]), select, button, a, svg')].filter(e => !(e.labels?.length && e.labels[0].textContent.trim())
        && !e.getAttribute('aria-label') && !document.getElementById(e.getAttribute('aria-labelledby'))?.textContent.trim() && !e.textContent.trim() && !e.closest('[role=radiogroup]') && !e.closest('[hidden], dialog')).map(e => e.outerHTML.slice(0, 90))"""
    )
    assert not nameless


CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("svg, [hidden], .visually-hidden, .skip, .yasgui") || !e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const style = getComputedStyle(e), a = light(rgb(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${e.className} ${e.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""


@pytest.mark.parametrize(
    "path",
    [
        LESION,
        "/?stage=after_stent&stented_minimum_lumen_area_mm2=4&distal_reference_lumen_area_mm2=6",
        "/?perforation_grade=ellis_3&tamponade=true",
        "/rules",
        "/studies/eclipse2025",
        "/cases",
        "/guideline",
        "/docs",
        "/nothing",
    ],
)
def test_text_has_the_contrast_of_wcag_aa(path: str, browser: Browser, service: Running) -> None:
    with browser.new_context(base_url=service.url, locale="en-GB") as context:
        page = context.new_page()
        page.goto(path)
        page.evaluate(
            "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
        )
        assert page.evaluate(CONTRAST) == []


def test_it_works_without_a_script(browser: Browser, service: Running) -> None:
    with browser.new_context(
        base_url=service.url, java_script_enabled=False, locale="en-GB"
    ) as context:
        page = context.new_page()
        page.goto("/")
        page.locator("#i-max_superficial_arc_deg").fill("300")
        page.get_by_role("button", name="Answer").click()
        expect(page.locator(".lead")).to_contain_text("modify the calcium before stenting")
        page.locator(".lead .headline .why").click()
        expect(page.locator("#step-D4")).to_be_in_viewport()


def test_a_number_is_changed_on_a_draft_and_what_follows_is_told_at_once(page: Page) -> None:
    page.goto("/drafts")
    page.fill("#title", "Lower the arc")
    page.fill("#by", "author")
    page.click("text=Begin a draft")
    page.fill("#q", "SuperficialArcLong")
    page.click("text=Show")
    cell = page.locator(
        "form.cell", has=page.locator("input[name=key][value='cond:SuperficialArcLong#1']")
    ).first
    number = cell.locator("input[name=value]")
    assert number.input_value() == "270"
    number.fill("180.5.1")
    number.press("Tab")
    expect(page.locator("form.cell.wrong .said")).to_contain_text("not a plain number")
    number.fill("180")
    number.press("Tab")
    expect(page.locator("[data-part=check]")).to_contain_text(
        "is backed by no statement", timeout=60_000
    )
    expect(page.locator("[data-part=diff]")).to_contain_text(
        "stepwise balloon → modify the calcium before stenting", timeout=60_000
    )
    expect(page.locator("[data-part=verify]")).to_contain_text(
        "every requirement is proved", timeout=60_000
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
