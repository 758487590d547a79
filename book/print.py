"""The built book as one PDF, with links inside it: `make pdf`.

python book/print.py OUT.pdf [PAGES]    of book/_build/html or another folder of pages, through headless Chromium
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-dev-shm-usage"
SECONDS = 60  # of the page's own time: for the mathematics to be drawn
STYLE = """
article.page {break-before: page}
article.page:first-of-type {break-before: auto}
body {font-size: 10pt; padding: 0; background: white}
img, svg {max-width: 100%; break-inside: avoid}
pre {white-space: pre-wrap}
table {font-size: 0.85em; break-inside: auto}
tr {break-inside: avoid}
.headerlink, .copybtn, details.hide > summary, .prev-next-area {display: none !important}
@page {size: A4; margin: 16mm}
"""


def chromium() -> str | None:
    """The browser's path, or None where there is none."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def pages_in_order() -> list[str]:
    """The book's pages as its contents list them."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [contents["root"], *(chapter["file"] for part in contents["parts"] for chapter in part["chapters"])]


def name_of(page: str, anchor: str = "") -> str:
    """The one name in the whole of a page, or of a place on it."""
    return re.sub(r"[^\w-]", "-", f"{page}--{anchor}".removesuffix("--"))


def article_of(html: Path, page: str, known: set[str]) -> str:
    """A page's text: its names made unique, its links turned to places in the whole, its files' addresses absolute."""
    path = html / f"{page}.html"
    article = BeautifulSoup(path.read_text(), "html.parser").find("article")
    for tag in article.find_all(id=True):
        tag["id"] = name_of(page, tag["id"])
    for tag in article.find_all(src=True):
        if not tag["src"].startswith("data:"):
            tag["src"] = urljoin(path.as_uri(), tag["src"])
    for tag in article.find_all(href=True):
        address, anchor = urldefrag(urljoin(path.as_uri(), tag["href"]))
        target = address.removeprefix(html.as_uri() + "/").removesuffix(".html")
        tag["href"] = f"#{name_of(target, anchor)}" if target in known else urljoin(path.as_uri(), tag["href"])
    for tag in article.find_all("script"):
        tag.decompose()
    return f'<article class="page bd-article" id="{name_of(page)}">{article.decode_contents()}</article>'


def whole(html: Path) -> str:
    """One document of all pages, with the head of the first, which has the styles and the mathematics."""
    pages = [page for page in pages_in_order() if (html / f"{page}.html").is_file()]
    first = BeautifulSoup((html / f"{pages[0]}.html").read_text(), "html.parser")
    for tag in first.head.find_all(["link", "script"]):
        for attribute in ("href", "src"):
            if tag.has_attr(attribute):
                tag[attribute] = urljoin((html / "x.html").as_uri(), tag[attribute])
    mathematics = [tag for tag in first.head.find_all("script") if "MathJax" in tag.text or "mathjax" in str(tag)]
    styles = first.head.find_all("link", rel="stylesheet")
    head = "".join(str(tag) for tag in [first.head.title, *styles, *mathematics])
    body = "".join(article_of(html, page, set(pages)) for page in pages)
    start = '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
    return f"{start}{head}<style>{STYLE}</style></head><body>{body}</body></html>"


def main(out: str, html: str = str(ROOT / "book" / "_build" / "html")) -> None:
    """Writes the PDF of a folder of built pages."""
    if not (Path(html) / "intro.html").is_file():
        sys.exit(f"{html}: no built book; make book")
    browser = chromium()
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is on the path: install Chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        document, printed = Path(folder) / "book.html", Path(folder) / "book.pdf"
        document.write_text(whole(Path(html).resolve()))
        command = [browser, *OPTIONS.split(), f"--user-data-dir={folder}/profile", "--no-pdf-header-footer"]
        command += [f"--virtual-time-budget={1000 * SECONDS}", f"--print-to-pdf={printed}", document.as_uri()]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        shutil.move(printed, out)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
