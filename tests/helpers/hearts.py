"""Hearts of the simulator, each by its number and a seed."""

from __future__ import annotations

from eccl.config import SimulationConfig
from eccl.simulate.heart import Heart, draw_heart, participant_generators


def heart_of(number: int, seed: int, prevalence: str = "enriched") -> Heart:
    """The heart of one participant."""
    return draw_heart(SimulationConfig(prevalence=prevalence), participant_generators(seed, number).heart)


def hearts_of(count: int, seed: int, prevalence: str = "enriched") -> list[Heart]:
    """The hearts of the first participants."""
    return [heart_of(number, seed, prevalence) for number in range(count)]
