"""A download that several tests of the ingest share."""

from pathlib import Path

import pytest
from helpers.toy_source import toy_download


@pytest.fixture
def download(tmp_path) -> Path:
    """Forty participants of `helpers.toy_source.Toy`, all good."""
    return toy_download(tmp_path / "download")
