"""A model's folder under the Hugging Face Hub's convention: the same files, and a card that the Hub shows.

`eccl.share.pretrained.Pretrained` has these as `save_pretrained`, `push_to_hub` and `from_pretrained`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eccl.errors import DataError
from eccl.files import make_folder, replacing

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NEEDED = tuple(f"{name}.{ending}" for name in ("readout", "domain", "encoder") for ending in ("safetensors", "json"))
OPTIONAL = ("gallery.safetensors", "gallery.json", "CARD.md")
CARD = "README.md"  # what the Hub shows
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
INSTALL = "pip install huggingface_hub (the extra hub)"
HEADER = """---
library_name: eccl
license: mit
pipeline_tag: feature-extraction
tags:
- ecg
- cardiac-mri
- contrastive-learning{simulated}
---
"""
USE = """
## Use

```python
import eccl
from eccl.share.pretrained import Pretrained

Pretrained.from_pretrained("{name}").describe(eccl.read_ecg("my.xml"))
```
"""


def save(source: Path, folder: Path | str, description: Mapping[str, Any], name: str = "") -> Path:
    """The folder, holding a model's files byte for byte and its card; what else is in it stays.

    Parameters
    ----------
    source : path
        Where the model was loaded from.
    folder : path
        Made if it is not there.
    description : mapping
        Of the model.
    name : str
        By which the card tells how to load it; the folder's by default.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    folder = make_folder(folder)
    if folder.resolve() != source.resolve():
        for file in (*NEEDED, *(each for each in OPTIONAL if (source / each).exists())):
            with replacing(folder / file) as beside:
                shutil.copyfile(source / file, beside)
    with replacing(folder / CARD) as beside:
        beside.write_text(card(source, description, name or folder.name), encoding="utf-8")
    return folder


def card(source: Path, description: Mapping[str, Any], name: str) -> str:
    """The model card: the Hub's header, the card in the model's folder or what its description says, and its use."""
    header = HEADER.format(simulated="\n- simulated-data" if description["simulated"] else "")
    written = source / "CARD.md"
    body = written.read_text(encoding="utf-8") if written.exists() else _described(description)
    return f"{header}\n{body}{USE.format(name=name)}"


def upload(
    source: Path, repository: str, description: Mapping[str, Any], private: bool = False, api: HfApi | None = None
) -> str:
    """The address of the commit that holds a model's files and its card, and nothing else of its folder.

    Parameters
    ----------
    source : path
        Where the model was loaded from.
    repository : str
        "owner/name"; made if it is not there.
    description : mapping
        Of the model.
    private : bool
        Of a repository that is made.
    api : HfApi, optional
        By default one with the token of `hf auth login` or of HF_TOKEN.

    Raises
    ------
    DataError
        If that is no name of a repository, or huggingface_hub is not installed. What the Hub refuses is its own error.
    """
    if not REPOSITORY.fullmatch(repository):
        raise DataError(f"{repository!r} is no repository of the Hub", remedy='give "owner/name"')
    api = api or _hub().HfApi()
    with tempfile.TemporaryDirectory() as beside:
        folder = save(source, beside, description, repository)
        api.create_repo(repository, private=private, exist_ok=True)
        made = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Weights, readout and card")
    return str(made.commit_url)


def find(name: Path | str, revision: str | None = None) -> Path:
    """The folder of a model: one on this machine, or the files of a repository of the Hub, fetched once and kept.

    Parameters
    ----------
    name : path or str
        A folder; or where there is none, "owner/name".
    revision : str, optional
        Branch, tag or commit of the repository.

    Raises
    ------
    DataError
        If there is neither, the repository cannot be fetched, or huggingface_hub is not installed.
    """
    if Path(name).is_dir():
        return Path(name)
    if not REPOSITORY.fullmatch(str(name)):
        raise DataError("there is no such folder", source=name, remedy='give a folder, or "owner/name" of the Hub')
    hub = _hub()
    try:
        fetched = hub.snapshot_download(str(name), revision=revision, allow_patterns=[*NEEDED, *OPTIONAL])
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        raise DataError(
            f"it is no folder, and cannot be fetched from the Hub ({str(error).splitlines()[0]})",
            source=name,
            remedy="check the name, the network, and for a private one `hf auth login`",
        ) from error
    return Path(fetched)


def _described(description: Mapping[str, Any]) -> str:
    people = description["people"]
    of = "simulated people" if description["simulated"] else "people"
    first = "Learnt from simulated hearts. Not for patients." if description["simulated"] else "For research alone."
    return (
        f"# {description.get('method', 'An ECG encoder')}\n\n**{first}**\n\n"
        f"- Input: a 12-lead ECG of 10 s at 500 Hz in mV, as `eccl.read_ecg` gives it.\n"
        f"- Output: traits of heart and aorta in their units, and probabilities of diagnoses, each with an interval.\n"
        f"- Data: {people['train']:,} {of} to train on, {people['validation']:,} to choose and calibrate by.\n"
    )


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise DataError("huggingface_hub is not installed", remedy=INSTALL) from error
    return huggingface_hub
