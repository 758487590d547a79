"""The notebooks in JupyterLab: they run from the first cell to the last, and no tracked file is another afterwards."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from helpers.book_print import book_print
from helpers.browser import Browser

from eccl.study import lab

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0  # s for a notebook at smoke size on a machine that is busy
TOKEN = "tested"
# The cells of the notebook that is open, as the kernel left them: those that wait, and what went wrong.
LEFT = """
(() => {
  const cells = [...chapter.content.widgets].filter(one => one.model.type === 'code');
  const outputs = cells.flatMap(one => one.model.sharedModel.toJSON().outputs);
  return {
    waiting: cells.filter(one => one.model.executionCount === null && one.model.sharedModel.source.trim()).length,
    wrong: outputs.filter(one => one.output_type === 'error').map(one => one.evalue),
    shown: outputs.length,
  };
})()
"""
STARTED = "window.jupyterapp?.shell?.isEmpty('main') === false"  # its launcher is shown
OPEN = """
jupyterapp.commands.execute('docmanager:open', {path: PATH}).then(one => {
  window.chapter = one;
  jupyterapp.shell.activateById(one.id);
})
"""
IDLE = "window.chapter?.context.sessionContext.session?.kernel?.status === 'idle'"


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """What `jupyter lab` finds where it is started."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    monkeypatch.setattr(lab, "CHAPTERS", tmp_path / "notebooks")
    return tmp_path


def tracked(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "notebooks").glob("0[16]_*.*"))}


def save(folder: Path, name: str, notebook: dict) -> None:
    """As Jupyter's server does what JupyterLab asks it to."""
    from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

    manager = AsyncLargeFileManager(root_dir=str(folder), pre_save_hook=lab.without_what_running_left)
    model = {"type": "notebook", "format": "json", "content": notebook}
    asyncio.run(manager.save(model, f"notebooks/{name}.ipynb"))


@pytest.mark.parametrize("name", ["01_cohort", "06_own_ecg"])
def test_a_chapter_that_was_run_is_saved_as_it_was(checkout, name):
    before = tracked(checkout)
    notebook = nbformat.from_dict(json.loads(before[f"{name}.ipynb"]))
    notebook.metadata["language_info"] = {"name": "python", "version": "3"}
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.execution_count, cell.outputs = number + 1, [nbformat.v4.new_output("stream", text="a number\n")]
    save(checkout, name, notebook)
    assert tracked(checkout) == before


def test_a_notebook_of_ones_own_keeps_its_outputs(checkout):
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text="1\n")], execution_count=1)
    save(checkout, "mine", nbformat.v4.new_notebook(cells=[cell]))
    (saved,) = nbformat.read(checkout / "notebooks" / "mine.ipynb", as_version=4).cells
    assert saved.outputs and saved.execution_count == 1


def test_jupyter_is_told_of_it_in_its_own_environment(tmp_path):
    from jupyter_server.extension.manager import ExtensionPackage

    (name,) = json.loads(lab.enable(tmp_path).read_text())["ServerApp"]["jpserver_extensions"]
    assert ExtensionPackage(name=name, enabled=True).validate()


@contextlib.contextmanager
def laboratory(folder: Path, home: Path):
    """The address of a JupyterLab on loopback, started in a folder at smoke size."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    command = [sys.executable, "-m", "jupyter", "lab", *options, "--LabApp.expose_app_in_browser=True"]
    environment = os.environ | {"ECCL_PRESET": "smoke", "ECCL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}/lab"
            until(lambda: answers(f"{address}?token={TOKEN}"), "JupyterLab does not answer")
            yield address
        finally:
            server.terminate()
            server.wait(30)


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def until(condition, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.skipif(book_print.chromium() is None, reason="no Chromium on the path")
def test_jupyterlab_runs_the_cohort_and_ones_own_ecg_and_changes_no_tracked_file(tmp_path):
    before = tracked(ROOT)
    with laboratory(ROOT, tmp_path) as address:
        browser = Browser()
        try:
            browser.open(f"{address}?token={TOKEN}&reset")
            until(lambda: browser.evaluate(STARTED), "no launcher is shown")
            for name in ("01_cohort", "06_own_ecg"):
                browser.evaluate(OPEN.replace("PATH", repr(f"notebooks/{name}.ipynb")))
                until(lambda: browser.evaluate(IDLE), f"{name} did not open")
                browser.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
                until(lambda: browser.evaluate(LEFT)["waiting"] == 0, f"{name} did not run to its end")
                until(lambda: browser.evaluate(IDLE), f"{name} did not come to rest")
                left = browser.evaluate(LEFT)
                assert left["wrong"] == [] and left["shown"] > 10
                browser.evaluate("chapter.context.save()")
        finally:
            browser.close()
    assert tracked(ROOT) == before
