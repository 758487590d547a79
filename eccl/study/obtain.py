"""A method by its name, trained or read, whose run's folder then predicts by itself (`eccl.share.pretrained.load`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from eccl.errors import DataError
from eccl.machine import engine
from eccl.methods import Method, Trained, find
from eccl.methods import obtain as train
from eccl.share.pretrained import equip, is_equipped
from eccl.study.data import Data

log = logging.getLogger(__name__)


def obtain(
    method: str | Method,
    data: Data,
    root: Path | None = None,
    progress: bool = True,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> Trained:
    """A method trained on data, after what it starts from: read where its run is complete, else resumed or trained.

    Where it has an ECG encoder, its folder also gets what predicts from one ECG: probes of the traits and diagnoses
    that are known, their calibration, and the range of the training ECGs.

    Parameters
    ----------
    method : str or Method
        A name in `eccl.methods()`, or a method of one's own.
    data : Data
        Of `prepare`.
    root, progress, on_epoch
        As in `eccl.methods.obtain`.

    Raises
    ------
    ValueError
        If no method has the name.

    Examples
    --------
    >>> data = eccl.prepare(eccl.preset("smoke"), machine=eccl.Machine("cpu"))
    >>> trained = obtain("masked_autoencoder", data, progress=False)
    >>> trained.features(data).shape
    (80, 24)
    """
    trained = train(find(method), data, root, progress, on_epoch)
    takes = trained.method.ecg_encoder is not None and trained.run.complete and not is_equipped(trained.run.folder)
    features = trained.features(data) if takes else None  # by the first of several processes
    fabric = engine(data.machine, data.config.precision)
    if takes and fabric.is_global_zero:
        try:
            description = {"method": trained.method.name, "run": trained.run.name}
            equip(trained.run.folder, trained.encoder(), data.store, data.split, description, features)
        except DataError as error:  # of a few people an encoder is trained all the same
            log.warning("%s will not predict by itself: %s", trained.run.name, error)
    fabric.barrier()
    return trained
