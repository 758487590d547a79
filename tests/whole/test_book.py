"""The book: its contents exist, links and citations resolve, and no result is typed into prose."""

import ast
import csv
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
ENTRIES = [TOC["root"]] + [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]]
PAGES = sorted([*BOOK.glob("*.md"), *(ROOT / "notebooks").glob("*.md")])
IDS = [page.name for page in PAGES]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_of_the_contents_exists(entry):
    assert (BOOK / f"{entry}.md").is_file()


def test_every_page_is_in_the_contents_once():
    pages = [page.stem if page.parent == BOOK else f"notebooks/{page.stem}" for page in PAGES]
    assert sorted(ENTRIES) == sorted(pages)


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml", "notebooks"])
def test_the_book_reaches_the_repository_by_relative_links(name):
    link = BOOK / name
    assert link.is_symlink() and not link.readlink().is_absolute()
    assert link.resolve() == ROOT / name


def test_a_failing_cell_fails_the_build():
    assert CONFIG["sphinx"]["config"]["nb_execution_raise_on_error"] is True
    assert CONFIG["execute"]["allow_errors"] is False
    assert CONFIG["execute"]["execute_notebooks"] in ("cache", "force")
    assert "suppress_warnings" not in CONFIG["sphinx"]["config"], "-W must see every warning"


def test_one_of_the_two_forms_of_a_notebook_is_a_page():
    assert "notebooks/*.ipynb" in CONFIG["exclude_patterns"]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_between_pages_resolve(page):
    for target in re.findall(r"\]\(([^)#\s]+\.(?:md|ipynb))(?:#[^)]*)?\)", page.read_text()):
        base = BOOK / "notebooks" if page.parent != BOOK else BOOK
        assert Path(os.path.normpath(base / target)).exists(), target  # as Sphinx does: the link is not followed


def keys_cited(text: str) -> set[str]:
    cited = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for group in cited for key in group.split(",")}


def test_the_bibliography_is_what_the_pages_cite():
    listed = re.findall(r"^@\w+\{([^,\s]+),", (BOOK / "references.bib").read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set().union(*(keys_cited(page.read_text()) for page in PAGES)) == set(listed)


# Macros that MathJax would fetch as an extension, which the one vendored file cannot
FETCHED = r"\\(boldsymbol|bm|color|textcolor|colorbox|cancel|bcancel|unicode|href|enclose|ce|bra|ket|verb|toggle)\b"


def test_mathematics_is_drawn_without_the_network():
    path = CONFIG["sphinx"]["config"]["mathjax_path"]
    assert path.startswith("../") and CONFIG["sphinx"]["config"]["html_extra_path"] == ["_extra"]
    vendored = BOOK / "_extra" / path.removeprefix("../")
    assert vendored.stat().st_size > 1_000_000 and (vendored.parent / "LICENSE").is_file()
    for page in PAGES:
        assert not re.search(FETCHED, page.read_text()), f"{page.name}: not in the vendored MathJax"


def test_what_the_book_adds_to_a_page_fetches_nothing_and_may_be_loaded_twice():
    for path in (BOOK / "_static").iterdir():
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")  # a name, which nobody fetches
        assert not re.search(r"https?:|//\w|url\(|@import|fetch\(|XMLHttp", text), path.name
    script = (BOOK / "_static" / "zoom.js").read_text()
    assert script.index("if (window.figuresOpen) { return; }") < script.index("addEventListener")


# A decimal on a page is one of four: glued (the role stands there, no number), a licence's version, a value of a CSV in
# book/results/ or eccl/reference/, or, inside code or mathematics, a number that the package's source holds. Anything
# else is a result somebody typed. Whole numbers are not looked at: they are counts and settings.

DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?!\.?\d)")
LICENCE = re.compile(r"CC BY[A-Z-]* \d\.\d|CC0[ -]1\.0")


def constants() -> set[float]:
    """Every number in eccl/, in code and in comments."""
    found = set()
    for path in (ROOT / "eccl").rglob("*.py"):
        text = path.read_text()
        found |= {float(match) for match in DECIMAL.findall(text)}
        nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        found |= {float(node.value) for node in nodes if type(node.value) in (int, float)}
    return found


def published() -> set[float]:
    """Every number in book/results/ and eccl/reference/."""
    tables = [*(BOOK / "results").glob("*.csv"), *(ROOT / "eccl" / "reference").glob("*.csv")]
    cells = (cell for path in tables for row in csv.reader(path.open()) for cell in row)
    return {float(cell) for cell in cells if re.fullmatch(r"-?\d+(\.\d+)?", cell)}


CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```\s*$", flags=re.DOTALL | re.MULTILINE)


def options_and_code(cell: str) -> tuple[dict, str]:
    """What a block of YAML before the code of a cell says to mystnb, and the code."""
    block = re.match(r"---\n(.*?)^---\n", cell, flags=re.DOTALL | re.MULTILINE)
    options = yaml.safe_load(block[1]).get("mystnb", {}) if block else {}
    return options, re.sub(r"^(:.*|%.*)$", "", cell[block.end() if block else 0 :], flags=re.MULTILINE)


def caption_and_alt(options: dict) -> tuple[str, str]:
    return options.get("figure", {}).get("caption", ""), options.get("image", {}).get("alt", "")


def said(cell: re.Match) -> str:
    """The sentences of a code cell, its figure's and those `report.say` shows: prose, but for the fields it fills."""
    options, code = options_and_code(cell[1])
    calls = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and node.args)
    templates = [call.args[0] for call in calls if ast.unparse(call.func) in ("report.say", "say")]
    assert all(isinstance(one, ast.Constant) for one in templates), "say takes its text as it stands, unformatted"
    return "\n".join([*caption_and_alt(options), *(re.sub(r"\{[^{}]*\}", "", one.value) for one in templates)])


def split_markup(text: str) -> tuple[str, str]:
    """The prose of a MyST page, and its code and mathematics; what is executed or glued is in neither."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = CELL.sub(said, text)
    text = re.sub(r"\{[\w:-]+\}`[^`]*`", "", text)  # roles: glue, cite, eq
    text = re.sub(r"\]\([^)]*\)|https?://\S+", "", text)
    marked = re.compile(r"^```\w.*?^```\s*$|\$\$.*?\$\$|\$[^$]+\$|(?<!`)`[^`]+`(?!`)", flags=re.DOTALL | re.MULTILINE)
    return marked.sub("", text), " ".join(marked.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_no_result_is_typed_into_prose(page):
    prose, marked = split_markup(page.read_text())
    typed = {float(number) for number in DECIMAL.findall(LICENCE.sub("", prose))} - published()
    assert not typed, "compute and glue it, or mark it as a setting"
    unknown = {float(number) for number in DECIMAL.findall(marked)} - published() - constants()
    assert not unknown, "neither a setting of eccl/ nor a published value"


@pytest.mark.parametrize(
    ("text", "prose", "marked"),
    [
        ("r was 0.39 here", ["0.39"], []),
        ("| ECCL | 0.39 |", ["0.39"], []),
        ("rate `0.1` and $x = 0.2$", [], ["0.1", "0.2"]),
        ("r was {glue:text}`r:.2f` and {glue:text}`notebooks/03_traits.md::r:.2f`", [], []),
        ("```{code-cell} ipython3\nx = 0.3\n```\nthen 0.4", ["0.4"], []),
        (
            '```{code-cell} ipython3\n:tags: [x]\n\nreport.say("""r {r:0.2f}, once 0.7 and `0.8`""", r=0.3)\n```',
            ["0.7"],
            ["0.8"],
        ),
        (
            "```{code-cell} ipython3\n---\nmystnb:\n  figure:\n    caption: r is 0.61\n    name: fig-r\n  image:\n"
            "    alt: >-\n      dots near\n      0.62\n---\nplots.forest(table, null=0.3)\n```\nthen 0.4",
            ["0.61", "0.62", "0.4"],
            [],
        ),
        (
            '```{code-cell} ipython3\n---\ntags: [hide-input]\n---\nreport.say("r {r:0.2f}, once 0.7", r=0.3)\n```',
            ["0.7"],
            [],
        ),
        ("```{list-table}\n* - 0.5\n```", ["0.5"], []),
        ("```python\nx = 0.6\n```", [], ["0.6"]),
        ("jupyter-book 1.0.4 and PTB-XL 1.0.3", [], []),
    ],
)
def test_the_rule_sees_what_it_should(text, prose, marked):
    found = split_markup(text)
    assert [DECIMAL.findall(part) for part in found] == [prose, marked]


def figures_drawn(tree: ast.AST) -> int:
    """How many calls there are of functions of `plots` that return a figure, still or moving."""
    from eccl import plots

    returned = {f"plots.{name}": inspect.signature(getattr(plots, name)).return_annotation for name in plots.__all__}
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(returned.get(call) in ("Figure", "MovingCines") for call in calls)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_figure_has_a_caption_and_an_alt_text(page):
    for cell in CELL.findall(page.read_text()):
        options, code = options_and_code(cell)
        tree, (caption, alt) = ast.parse(code), caption_and_alt(options)
        drawn = figures_drawn(tree)
        several = drawn > 1 or any(figures_drawn(node) for node in ast.walk(tree) if isinstance(node, ast.For))
        assert alt or not drawn or "plots.moving_cines" in code, f"no alt text: {code}"  # its pictures have their own
        # Each figure of a cell would get the one caption and the one name, which may be used once.
        assert bool(caption) == (drawn == 1 and not several), f"a caption for a cell with one figure: {code}"


MARGIN = re.compile(r"^:::\{margin\}\n(.*?)^:::$", flags=re.DOTALL | re.MULTILINE)


def test_a_note_in_the_margin_is_short_and_leads_to_the_glossary():
    notes = {page.name: MARGIN.findall(page.read_text()) for page in PAGES}
    assert sum(map(len, notes.values())) > 20 and max(map(len, notes.values())) <= 3
    for page, texts in notes.items():
        terms = [re.match(r"\{term\}`(?:[^`]* <)?([^`>]+)>?`:? ", text)[1] for text in texts]
        assert len(terms) == len(set(terms)), f"{page} explains a term twice"
        assert max(map(len, texts), default=0) < 160, f"{page} has a long note"


def test_names_of_figures_are_unique():
    cells = [cell for page in PAGES for cell in CELL.findall(page.read_text())]
    figures = [options["figure"] for options, _ in map(options_and_code, cells) if "figure" in options]
    names = [figure["name"] for figure in figures]
    assert len(names) == len(set(names)) and all(name.startswith("fig-") for name in names)


def test_the_cost_page_counts_the_parameters_of_the_paper_preset():
    import torch

    from eccl.config import preset
    from eccl.methods import METHODS

    method = METHODS["eccl"]
    with torch.device("meta"):
        model = method.build(method.settings(preset("paper")))
    total = sum(weight.numel() for weight in model.parameters())
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    text = " ".join((BOOK / "method.md").read_text().split())
    assert f"has {total / 1e6:.0f} million parameters, of which stage 2 trains {trained / 1e6:.0f} million" in text


def test_the_cost_page_counts_the_gpu_hours_of_the_paper_preset():
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from eccl.config import preset
    from eccl.methods import METHODS

    config = preset("paper")
    with torch.device("meta"):  # shapes alone: nothing is computed
        mae, cmr, pair = (
            METHODS[name].build(METHODS[name].settings(config)).eval()
            for name in ("masked_autoencoder", "cmr_supervised", "eccl")
        )
        ecg, cine = torch.empty(1, 12, 5000), torch.empty(1, 50, 80, 80)
        kept, mask = torch.zeros(1, 150, dtype=torch.long), torch.empty(1, 600)
        passes = {
            "1a, masked autoencoder": lambda: mae.forward_decoder(
                mae.forward_encoder(mae.encoder.patchify(ecg), kept), kept, mask
            ),
            "1b, image encoder": lambda: cmr(cine),
            "2, pairs": lambda: pair.ecg(ecg),
        }
        rows = {}
        for stage, forward in passes.items():
            with FlopCounterMode(display=False) as counter:
                forward()
            rows[stage] = 3 * counter.get_total_flops()
    rows |= {f"3, fine-tuning, for {target}": rows["2, pairs"] for target in ("traits", "diagnoses")}
    epochs = [getattr(config, f"stage_{name}").epochs for name in ("mae", "cmr", "eccl", "finetune")]
    assert epochs == [400] * 4 and config.mae.mask_ratio == 1 - kept.shape[1] / mask.shape[1]
    text = (BOOK / "method.md").read_text()
    for stage, step in rows.items():
        hours = step * 24_908 * 400 / 100e12 / 3600
        assert f"* - {stage}\n  - {step / 1e9:.0f}\n  - {hours:.0f}\n" in text


def test_the_book_builds_strictly_and_reads_offline(tmp_path):
    """The prose with notebooks cut down to their headings: layout, links and citations, without the training."""
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(BOOK, tmp_path / "book", symlinks=True, ignore=shutil.ignore_patterns("_build"))
    (tmp_path / "notebooks").mkdir()
    for entry in ENTRIES:
        if entry.startswith("notebooks/"):
            text = (BOOK / f"{entry}.md").read_text()
            front, body = re.match(r"(---\n.*?\n---\n)(.*)", text, re.DOTALL).groups()
            cited = " ".join(f"{{cite:p}}`{key}`" for key in sorted(keys_cited(body)))
            heading = re.search(r"^# .*$", body, re.MULTILINE)[0]
            (tmp_path / f"{entry}.md").write_text(f"{front}\n{heading}\n\n{cited}\n")
            (tmp_path / f"{entry}.ipynb").write_text("{}")  # the twin: were it a page, the build would warn
    command = [Path(sys.executable).parent / "jupyter-book", "build", "book/", "-W", "-n", "--keep-going"]
    build = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert build.returncode == 0, build.stdout[-3000:] + build.stderr[-3000:]
    html = tmp_path / "book" / "_build" / "html"
    for page in [html / f"{entry}.html" for entry in ENTRIES]:
        remote = re.findall(r'<(?:script|link)[^>]*(?:src|href)="(https?://[^"]+)"', page.read_text())
        assert not remote, f"{page.name} loads {remote}"
        head = page.read_text().split("</head>")[0]
        assert head.count("<title>") == 1 and re.search(r'<html lang="en"', head)
        assert re.search(r'<meta name="description" content="[^"]+"', head)
        assert f"{CONFIG['title']}</title>" in head and 'property="og:title"' in head
        notebook = html / "_sources" / page.relative_to(html).with_suffix(".ipynb")
        offered = f'href="../_sources/notebooks/{page.stem}.ipynb"' in page.read_text()
        assert notebook.is_file() == offered == (page.parent.name == "notebooks")
    assert 'url=intro.html"' in (html / "index.html").read_text() and (html / "_static" / "front.png").is_file()
    loaded = re.search(r'<script[^>]*src="([^"?]*tex-svg\.js)', (html / "method.html").read_text())[1]
    assert (html / loaded).resolve().is_file()
