"""Where is it? Twenty questions, each answered by a name in the tree; and the maps of two pages, as the tree is now."""

import ast
import re
from pathlib import Path

import pytest
from helpers.tree_map import MAPS, PACKAGE, ROOT, contributing_map, first_line, packages, readme_map, with_map

WHERE = {  # behaviour: file, and what does it there
    "how an ECG is resampled to 500 Hz": ("data/standard/twelve_leads.py", "assemble"),
    "how the format of an ECG file is told": ("data/formats/kinds.py", "kind_of"),
    "how a CardioSoft file of UK Biobank is read": ("data/formats/cardiosoft.py", "read_cardiosoft"),
    "which slice of a stack is taken, and where the heart is": ("data/standard/slices.py", "cut_cine"),
    "how volumes and mass are measured on masks": ("data/measure/masks.py", "mask_traits"),
    "how QRS duration and voltages are measured": ("data/measure/ecg.py", "measure_ecg"),
    "how a number of UK Biobank becomes a name": ("data/sources/pseudonym.py", "pseudonym"),
    "who has withdrawn": ("data/sources/ukbiobank/withdrawals.py", "find_lists"),
    "what an ingest does with who cannot be used": ("data/sources/ingest.py", "ingest"),
    "who is trained on and who is tested on": ("data/split.py", "split"),
    "how a batch is read": ("data/store.py", "Store.batch"),
    "what a new modality needs": ("data/modalities.py", "MODALITIES"),
    "what disease does to an ECG in the simulation": ("simulate/electrical.py", "electrical"),
    "what is decided by the preset": ("config.py", "preset"),
    "what the contrastive loss is": ("training/losses.py", "Contrast"),
    "how an interrupted training goes on": ("training/loop.py", "fit"),
    "what stage 2 optimises": ("methods/eccl.py", "PairedStep"),
    "when a run is found and when it is trained": ("methods/obtaining.py", "obtain"),
    "how a linear probe is fitted and its penalty chosen": ("evaluation/probes.py", "fit_traits"),
    "which ECGs a trained model refuses": ("share/domain.py", "Domain.check"),
}


def defined(path: Path) -> set[str]:
    """Names of a module's functions, classes, methods and constants."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_twenty_questions_are_asked():
    assert len(WHERE) == 20 == len(set(WHERE.values()))


@pytest.mark.parametrize("question", WHERE)
def test_what_does_it_is_where_the_name_says(question):
    file, name = WHERE[question]
    assert name in defined(PACKAGE / file)


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.name)
def test_the_map_of_a_page_is_that_of_the_tree(page):
    assert page.read_text() == with_map(page), "make map"


def test_every_folder_is_on_the_map_with_what_is_in_it():
    shown = readme_map()
    assert len(packages()) > 12
    for folder in packages():
        assert re.search(rf"^ +{folder.name}/ +{re.escape(first_line(folder / '__init__.py'))}$", shown, re.MULTILINE)


def test_every_module_has_a_place_on_the_floors():
    rooms = set(re.findall(r"^[ \d]{2}  (\S+)", contributing_map(), re.MULTILINE))
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        within = {".".join(name.split(".")[: end + 1]) for end in range(name.count(".") + 1)}
        assert within & rooms or name in ("__init__", "data"), f"{path.relative_to(ROOT)} is on no floor"


def test_a_page_without_a_place_for_its_map_is_an_error(monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("no map")
    monkeypatch.setitem(MAPS, page, readme_map)
    with pytest.raises(ValueError, match="0 maps"):
        with_map(page)


@pytest.mark.parametrize("method", ["eccl_sigmoid", "demographics"])
def test_the_recipes_count_the_lines_that_there_are(method):
    lines = len((PACKAGE / "methods" / f"{method}.py").read_text().splitlines())
    recipes = " ".join((ROOT / "book" / "contributing.md").read_text().split())
    assert f"`eccl/methods/{method}.py` has {lines} lines" in recipes
