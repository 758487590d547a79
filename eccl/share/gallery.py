"""Simulated hearts that an ECG is laid beside: the embeddings of their cines, and the cines made again from their seed.

A gallery holds no picture. A participant of the simulator is the same, byte for byte, whenever it is made, so that a
seed and a number are enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.records import Cine, DataError
from eccl.share.arrays import load_arrays, save_arrays

if TYPE_CHECKING:
    from torch import nn

    from eccl.config import SimulationConfig
    from eccl.metrics import Estimate

NAME = "gallery"


@dataclass(frozen=True, eq=False)
class Neighbour:
    """One simulated heart near an ECG.

    Attributes
    ----------
    participant_id : str
    similarity : float
        Cosine of the ECG's embedding with that of the cine, -1 to 1.
    cine : Cine
    traits : dict
        The 82 true traits by name, in their units.
    """

    participant_id: str
    similarity: float
    cine: Cine
    traits: dict[str, float]


@dataclass(frozen=True, eq=False)
class Gallery:
    """Cines of simulated people who were not trained on, in the space that an ECG's feature is projected to.

    Attributes
    ----------
    weight, bias : ndarray of float32, shapes (embedding, width) and (embedding,)
        From the feature of an ECG to the shared space.
    z_cmr : ndarray of float32, shape (n, embedding)
        Unit embeddings of the cines.
    participants : ndarray of int, shape (n,)
        Their numbers.
    ranks : ndarray of float, shape (n,)
        The place of each one's own cine among all n by the own ECG, from 1: what a place in this gallery is worth.
    simulation : SimulationConfig
        Of which they are.
    weights : str
        SHA-256 of the encoder that it goes with.
    """

    weight: np.ndarray
    bias: np.ndarray
    z_cmr: np.ndarray
    participants: np.ndarray
    ranks: np.ndarray
    simulation: SimulationConfig
    weights: str

    def __len__(self) -> int:
        return len(self.participants)

    def recall(self, count: int) -> Estimate:
        """How often the own cine is among the first `count` of those nearest to an ECG of these people."""
        from eccl.metrics import proportion

        return proportion(int((self.ranks <= count).sum()), len(self))

    def similarity(self, h: np.ndarray) -> np.ndarray:
        """Cosines (m, n) of features (m, width) of ECGs with the cines."""
        z = h @ self.weight.T + self.bias
        return z / np.linalg.norm(z, axis=1, keepdims=True) @ self.z_cmr.T

    def nearest(self, h: np.ndarray, count: int = 3) -> list[Neighbour]:
        """The hearts nearest to one feature (width,), the nearest first, each simulated again."""
        from eccl.simulate.cohort import simulate_participant

        similarity = self.similarity(np.asarray(h)[None])[0]
        found = []
        for row in np.argsort(-similarity, kind="stable")[:count]:
            person = simulate_participant(self.simulation, int(self.participants[row]))
            found.append(Neighbour(person.participant_id, float(similarity[row]), person.cine, person.traits))
        return found

    def save(self, folder: Path | str) -> None:
        """Write gallery.safetensors and gallery.json into a folder; embeddings are kept in 16 bits."""
        from eccl.config import to_dict
        from eccl.simulate.cohort import VERSION

        arrays = {"weight": self.weight, "bias": self.bias, "z_cmr": self.z_cmr.astype(np.float16)}
        arrays |= {"participants": self.participants.astype(np.int32), "ranks": self.ranks.astype(np.float32)}
        facts = {"simulation": to_dict(self.simulation), "simulator": VERSION, "weights": self.weights}
        save_arrays(folder, NAME, arrays, facts)

    @classmethod
    def load(cls, folder: Path | str, weights: str) -> Gallery:
        """The gallery that `save` wrote, of the encoder whose weights have this SHA-256.

        Raises
        ------
        DataError
            If a file is missing or damaged, or is of another encoder or another simulator.
        """
        from eccl.config import SimulationConfig, replace
        from eccl.simulate.cohort import VERSION

        arrays, facts = load_arrays(folder, NAME)
        if (facts["weights"], facts["simulator"]) != (weights, VERSION):
            raise DataError(
                f"it is of another encoder, or of version {facts['simulator']} of the simulator, now {VERSION}",
                source=Path(folder) / f"{NAME}.json",
                remedy="delete the gallery's two files: the model predicts without them",
            )
        z = arrays.pop("z_cmr").astype(np.float32)
        unit = z / np.linalg.norm(z, axis=1, keepdims=True)
        return cls(**arrays, z_cmr=unit, simulation=replace(SimulationConfig(), **facts["simulation"]), weights=weights)


def gallery_of(
    projection: nn.Linear,
    z_ecg: np.ndarray,
    z_cmr: np.ndarray,
    rows: np.ndarray,
    simulation: SimulationConfig,
    weights: str,
) -> Gallery:
    """The gallery of people of a simulated cohort, by the unit embeddings (n, embedding) of both their recordings.

    Parameters
    ----------
    projection : nn.Linear
        Of the ECG's feature.
    z_ecg, z_cmr : ndarray, shape (n, embedding)
    rows : ndarray of int, shape (n,)
        Their rows in the cohort, which are their numbers.
    simulation : SimulationConfig
    weights : str
        SHA-256 of the encoder.
    """
    from eccl.metrics import ranks

    weight, bias = (part.detach().cpu().numpy() for part in (projection.weight, projection.bias))
    return Gallery(weight, bias, z_cmr, np.asarray(rows), ranks(z_ecg @ z_cmr.T), simulation, weights)
