"""The built book as a reader's browser shows it: silent, alone, legible on a telephone, and moving where it should.

Needs a built book (`make book`; BUILT_BOOK may name another folder of pages) and Chromium.
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from helpers.book_print import book_print
from helpers.browser import Browser

ROOT = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("BUILT_BOOK", ROOT / "book" / "_build" / "html"))
SMALLEST = 9.0  # pixels of a letter
WIDE, PHONE = 1400, 390
PAGES = sorted({*HTML.glob("*.html"), *HTML.glob("notebooks/*.html")} - {HTML / "index.html"})  # which leads to intro

pytestmark = [
    pytest.mark.skipif(not (HTML / "intro.html").is_file(), reason="no built book: make book"),
    pytest.mark.skipif(book_print.chromium() is None, reason="no Chromium on the path"),
]

# Letters that are seen, smaller than allowed: of the page's text, and of drawings in it by their own scale.
SMALL = """
(() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const node = walker.currentNode, inside = node.parentElement;
    if (!node.textContent.trim() || inside.closest('script, style, noscript, mjx-assistive-mml, .sr-only')) continue;
    range.selectNodeContents(node);
    const place = range.getBoundingClientRect();
    if (!place.width || !inside.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const scale = inside.closest('svg') ? inside.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(inside).fontSize) * scale;
    if (size < LIMIT) found.push(size.toFixed(1) + ' px: ' + node.textContent.trim().slice(0, 40));
  }
  return found;
})()
"""
# Figures drawn by matplotlib: width on the screen over width in the file, where both are known.
SCALES = """
Promise.all([...document.querySelectorAll('.cell_output img[src*="_images/"]')].map(async one => {
  one.loading = 'eager';
  await one.decode();
  return [one.src, one.getBoundingClientRect().width / one.naturalWidth];
}))
"""
LETTER = re.compile(r"scale\((0\.\d+) -0\.\d+\)")  # of glyphs, which matplotlib draws at 100 points
SOURCE = "document.querySelector('figure#{} img').currentSrc"
WITHOUT_ALT = "[...document.images].filter(one => !(one.alt || '').trim()).map(one => one.src.slice(0, 80))"
HASH_ALT = "[...document.images].filter(one => /\\\\.(png|svg|webp)$/.test(one.alt)).map(one => one.alt)"
RESULTS = "[...document.querySelectorAll('#search-results li a')].map(one => one.getAttribute('href'))"


@pytest.fixture(scope="module")
def browser():
    started = Browser()
    yield started
    started.close()


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: page.stem)
def page(request, browser):
    """The browser with one page open, wide, and what the page asked for and the console said while it loaded."""
    browser.width(WIDE)
    browser.open(request.param.as_uri())
    return browser


def smallest_letter(source: str, scale: float) -> float:
    """Pixels on the screen of a figure's smallest letters: of a drawing's own, or by the style of all figures."""
    from PIL import Image

    from eccl.plots.style import STYLE

    path = Path(unquote(urlparse(source).path))
    if path.suffix == ".svg":
        return 96 / 72 * min(100 * float(size) for size in LETTER.findall(path.read_text())) * scale
    points = min(value for name, value in STYLE.items() if name.endswith("size"))
    with Image.open(path) as image:
        return points / 72 * image.info.get("dpi", (72, 72))[0] * scale


def test_a_page_is_silent_and_asks_no_network(page):
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_image_says_in_words_what_it_shows(page):
    assert page.evaluate(WITHOUT_ALT) == []
    assert page.evaluate(HASH_ALT) == []


def test_a_page_has_one_title_a_language_and_a_description(page):
    if page.evaluate("location.pathname").endswith(("genindex.html", "search.html")):
        pytest.skip("a list made by Sphinx, with no text of its own")
    titles, language = page.evaluate("[document.head.querySelectorAll('title').length, document.documentElement.lang]")
    assert titles == 1 and language == "en"
    described = "document.querySelector('meta[name=description]').content.length"
    assert page.evaluate(described) > 20
    name, title = page.evaluate("document.title").split(" \N{EM DASH} ")[0], page.evaluate("document.title")
    assert title.count(name) == 1


def test_a_telephone_shows_a_page_without_moving_it_sideways(page):
    page.width(PHONE)
    across, small, scales = page.evaluate(
        f"Promise.all([document.documentElement.scrollWidth, {SMALL.replace('LIMIT', str(SMALLEST))}, {SCALES}])"
    )
    page.width(WIDE)
    assert across <= PHONE
    assert small == []
    letters = {source: smallest_letter(source, scale) for source, scale in scales}
    assert {Path(source).name: size for source, size in letters.items() if size < SMALLEST} == {}


def test_lines_are_drawn_and_hearts_are_pictures(browser):
    browser.width(WIDE)
    browser.open((HTML / "notebooks" / "01_cohort.html").as_uri())
    named = {
        name: browser.evaluate(SOURCE.format(name)) for name in ("fig-associations", "fig-ecg-healthy", "fig-cines")
    }
    assert {name: Path(urlparse(source).path).suffix for name, source in named.items()} == {
        "fig-associations": ".svg",
        "fig-ecg-healthy": ".svg",
        "fig-cines": ".png",
    }
    assert browser.evaluate(SOURCE.format("fig-cines-moving")).startswith("data:image/webp")
    assert all(path.stat().st_size < 1_000_000 for path in (HTML / "_images").glob("*.svg"))


@pytest.mark.parametrize("words", ["ejection fraction", "LVEF"])
def test_the_books_search_finds_the_results_on_the_ejection_fraction(browser, words):
    browser.open(f"{(HTML / 'search.html').as_uri()}?q={words.replace(' ', '+')}")
    browser.wait_for(f"{RESULTS}.some(one => one.includes('03_traits'))")
    assert any("03_traits" in link for link in browser.evaluate(RESULTS))


def test_moving_a_slider_of_the_front_page_turns_the_heart(browser):
    browser.width(WIDE)
    browser.open((HTML / "intro.html").as_uri())
    shown = "[...document.querySelectorAll('.heart-slider .step.shown')].map(one => one.dataset.step)"
    before = browser.evaluate(shown)
    move = """(one => {one.value = one.max; one.dispatchEvent(new Event('input', {bubbles: true}))})
              (document.querySelectorAll('.heart-slider input')[1])"""
    browser.evaluate(move)
    after = browser.evaluate(shown)
    assert len(before) == len(after) == 1 and before != after
    seen = """(one => [...one.querySelectorAll('svg, img')].map(
        view => view.getBoundingClientRect().width > 100 && view.getBoundingClientRect().height > 100))
        (document.querySelector('.heart-slider .step.shown'))"""
    assert browser.evaluate(seen) == [True, True]
    said = "document.querySelectorAll('.heart-slider input')[1].nextElementSibling.textContent"
    last = "document.querySelectorAll('.heart-slider input')[1].dataset.values.split(' ').at(-1)"
    assert browser.evaluate(said) == browser.evaluate(last)


def test_the_download_menu_offers_the_notebook(browser):
    browser.open((HTML / "notebooks" / "03_traits.html").as_uri())
    link = browser.evaluate("document.querySelector('a.btn-download-notebook-button').href")
    assert Path(link.removeprefix("file://")).is_file() and link.endswith("03_traits.ipynb")
