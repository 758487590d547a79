"""The book as one document: names are unique, links lead inside it, and its files are found from anywhere."""

from pathlib import Path

from helpers.book_print import book_print

ROOT = Path(__file__).resolve().parents[2]

PAGE = """<html><head><title>The book</title></head><body><article><section id="here"><h1>{title}</h1>
<img src="{up}_images/a.png" alt="a"><a href="{other}#here">over</a><a href="#here">here</a>
<a href="https://example.org/x">out</a><script>alert(1)</script></section></article></body></html>"""


def test_pages_become_one_document_with_links_inside_it(tmp_path):
    from bs4 import BeautifulSoup

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "intro.html").write_text(PAGE.format(title="One", up="", other="notebooks/03_traits.html"))
    (tmp_path / "notebooks" / "03_traits.html").write_text(PAGE.format(title="Two", up="../", other="../intro.html"))
    whole = BeautifulSoup(book_print.whole(tmp_path), "html.parser")
    names = [tag["id"] for tag in whole.find_all(id=True)]
    assert len(names) == len(set(names)) == 4
    inside = [tag["href"].removeprefix("#") for tag in whole.find_all("a") if tag["href"].startswith("#")]
    assert len(inside) == 4 and set(inside) <= set(names)
    assert {tag["src"] for tag in whole.find_all("img")} == {(tmp_path / "_images" / "a.png").as_uri()}
    assert [tag["href"] for tag in whole.find_all("a")].count("https://example.org/x") == 2
    assert not whole.body.find_all("script")


def test_the_document_has_the_pages_in_the_order_of_the_contents():
    pages = book_print.pages_in_order()
    assert pages[0] == "intro" and pages[-1] == "references"
    assert all((ROOT / "book" / f"{page}.md").is_file() for page in pages)
