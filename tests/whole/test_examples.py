"""The examples in docstrings say what comes out; every public name has one."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import eccl

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "eccl").rglob("*.py"))
    if ">>>" in path.read_text()
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One cohort for all examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name, home):
    result = doctest.testmod(
        import_module(name), extraglobs={"eccl": eccl}, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert not result.failed


@pytest.mark.parametrize("name", [name for name in eccl.__all__ if not hasattr(getattr(eccl, name), "__path__")])
def test_every_public_name_has_an_example(name):
    if name == "traits":
        return
    assert ">>>" in getattr(eccl, name).__doc__
