"""Every setting that decides a result, as frozen dataclasses with units.

What decides no result (device, processes) is in `eccl.machine`. A setting that does not exist is an error that names
it, so a misspelt parameter never passes in silence.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eccl.display import indented, tree
from eccl.errors import did_you_mean
from eccl.presets import PRESETS
from eccl.ranges import check_range

LATER = {"later": True}  # of a setting that came after runs were kept: at its default they keep their names


@dataclass(frozen=True)
class SimulationConfig:
    """The simulated paired cohort."""

    participants: int = 3000  # how many people
    seed: int = 2024  # of the people and of their recordings
    prevalence: str = "enriched"  # of diseases: more of them than in a biobank; or "biobank": near the paper's
    coupling: float = 1.0  # strength of every link from the heart to its ECG; 0 cuts them all
    missed_codes: float = 0.10  # share of true diagnoses without a code
    false_codes: float = 0.01  # share of healthy participants with a code, per diagnosis


@dataclass(frozen=True)
class ECGEncoderConfig:
    """Encoder of the ECG: vision transformer over patches of `patch_leads` x `patch_samples`, or residual network."""

    name: str = "resnet"  # resnet or vit
    sampling_rate: int = 100  # Hz inside the encoder; a whole fraction of 500, behind an anti-alias filter
    patch_leads: int = 3  # 1: the paper's (600 tokens at 100 samples); 12: all leads jointly; 3: I-III, aVx, V1-3, V4-6
    patch_samples: int = 40  # at the encoder's rate (vit)
    pooling: str = "class"  # token that is the feature, or "mean" of the others (vit)
    amplitude: str = "millivolt"  # as recorded; or "lead": each lead scaled to -1 .. 1, as the original
    leads: str = field(default="all", metadata=LATER)  # that it sees; or "limb" (I to aVF), or "I": the rest is silent
    width: int = 96  # of a token (vit); of the feature (resnet)
    depth: int = 1  # layers (vit); blocks of each of the four stages (resnet)
    heads: int = 4  # of attention (vit)
    mlp_ratio: float = 4.0  # hidden units of a layer, as a multiple of width (vit)
    dropout: float = 0.0  # probability, within each block


@dataclass(frozen=True)
class MAEConfig:
    """Decoder and objective of the masked autoencoder over the ECG."""

    width: int = 64  # of a token of the decoder
    depth: int = 2  # layers of the decoder
    heads: int = 4  # of its attention
    mask_ratio: float = 0.5  # share of the ECG that is hidden
    masking: str = "time"  # all leads at once; "random": any lead at any moment; "lead": as a whole; or "mixed"
    span: float = 0.4  # s of a lead that are hidden as one (resnet; a vit hides its patches)
    guided: bool = False  # whether what fills a gap starts from the encoder's feature, which is then trained for it
    correlation_weight: float = 0.0  # w of (1 - w) MSE + w (1 - normalised cross-correlation)


@dataclass(frozen=True)
class CMREncoderConfig:
    """Encoder of the cine, its frames as input channels."""

    name: str = "resnet"  # resnet, swin or vit
    frames: int = 50  # of the cine's 50, evenly spaced from end-diastole on
    width: int = 16  # channels of the first stage (resnet, swin) or of a token (vit)
    image_size: int = 80  # pixels; the cine is resized to it
    patch: int = 8  # pixels (vit)
    depth: int = 18  # resnet: 18, 34 or 50; vit: layers; swin: ignored (2-2-6-2)
    drop_path: float = 0.0  # largest probability that a block is left out (swin)


@dataclass(frozen=True)
class ECGAugmentation:
    """Changes of an ECG that leave the heart as it is: electrodes, breathing, muscle, and when the recording began.

    Amplitude carries the mass of the heart, so a whole ECG's gain varies little; flips, which no heart makes, are off.
    """

    gain: float = 0.05  # of all leads together, uniform in 1 +- gain
    lead_gain: float = 0.03  # of each lead, uniform in 1 +- lead_gain
    wander: float = 0.05  # mV, largest amplitude of the baseline's swing at 0.15-0.4 Hz, the rate of breathing
    noise: float = 0.01  # mV, largest standard deviation of white noise
    shift: float = 1.0  # s, largest shift to either side, around the end
    lead_dropout: float = 0.05  # probability that a lead is silent
    time_flip: float = 0.0  # probability that it runs backwards
    sign_flip: float = 0.0  # probability that it is turned upside down


@dataclass(frozen=True)
class CineAugmentation:
    """Changes of a cine that leave the heart as it is: how the image plane was turned and set, and the receiver.

    A horizontal flip puts the right ventricle on the wrong side, and zoom changes what the traits measure: both off.
    """

    angle: float = 10.0  # degrees, largest turn to either side
    shift: float = 0.04  # share of the image, largest shift along each axis (0.04 of 80 pixels is 5.8 mm)
    smallest_zoom: float = 1.0  # field of view uniform in [smallest_zoom, 1]
    gamma: float = 0.2  # exponent exp(uniform in +- gamma)
    noise: float = 0.0  # largest standard deviation of white noise, intensity being in [0, 1]; images bring their own
    horizontal_flip: float = 0.0  # probability that left and right are exchanged


@dataclass(frozen=True)
class LossConfig:
    """The contrastive objective and its trait regression."""

    name: str = "clip"  # clip, nt_xent, triplet or sigmoid
    temperature: float = 0.1  # that cosines are divided by
    learn_temperature: bool = False  # from the value above, as CLIP does
    alpha: float = 0.5  # weight of ECG -> CMR against CMR -> ECG
    margin: float = 2.5  # of the triplet loss
    trait_weight: float = 1.0  # lambda, of the trait regression
    contrast_weight: float = 1.0  # of the contrast beside it; 0 leaves the pairs unused


@dataclass(frozen=True)
class StageConfig:
    """Optimisation of one stage."""

    epochs: int  # at most; early stopping may end sooner
    batch_size: int  # participants a step
    learning_rate: float  # peak of the cosine
    learning_rates: tuple[float, ...] = ()  # if any: each is trained, and the best on validation is taken
    weight_decay: float = 0.05  # of weights, not of biases and norms
    warmup: float = 0.1  # share of the epochs
    patience: int = 10  # epochs without a better validation score
    augment: bool = True  # whether recordings are changed as above while training


@dataclass(frozen=True, repr=False)
class Config:
    """One whole experiment.

    Examples
    --------
    >>> preset("smoke", seed=3).seed
    3
    """

    preset: str = "laptop"
    seed: int = 42  # of the split and of every training
    embedding: int = 64  # dimensions of the shared space
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    ecg: ECGEncoderConfig = field(default_factory=ECGEncoderConfig)
    mae: MAEConfig = field(default_factory=MAEConfig)
    cmr: CMREncoderConfig = field(default_factory=CMREncoderConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    ecg_augmentation: ECGAugmentation = field(default_factory=ECGAugmentation)
    cine_augmentation: CineAugmentation = field(default_factory=CineAugmentation)
    # Equal terms: who trains the ECG encoder alone has the passes of stage 2 and all before it, and of the same three
    # rates the one that validation chose (`grids/equal_terms.json`).
    stage_mae: StageConfig = StageConfig(epochs=16, batch_size=32, learning_rate=4e-3, patience=16)
    stage_cmr: StageConfig = StageConfig(epochs=7, batch_size=32, learning_rate=1e-3, patience=4)
    stage_eccl: StageConfig = StageConfig(epochs=16, batch_size=32, learning_rate=1e-3, patience=16)
    stage_supervised: StageConfig = StageConfig(epochs=16, batch_size=32, learning_rate=1e-3, patience=16)
    stage_simclr: StageConfig = StageConfig(epochs=16, batch_size=32, learning_rate=1e-3, patience=16)
    stage_finetune: StageConfig = StageConfig(epochs=8, batch_size=32, learning_rate=1e-3, patience=8)
    ecg_start: str = "random"  # what the ECG encoder of stage 2 starts from; or "masked_autoencoder"
    cmr_target: str = "traits"  # what supervises the CMR encoder; or "diagnoses", or the code of one
    unlabelled: int = 0  # further simulated people, of whom the masked autoencoder learns from the ECG
    label_share: float = 1.0  # of the training participants, whose labels (traits and diagnoses) are known
    diagnosis_share: float = 1.0  # of these, whose diagnoses are known
    label_seed: int = 42  # who they are
    precision: str = "32-true"  # or "bf16-mixed"; it decides digits of a result, unlike the device
    replicates: int = 1000  # of the bootstrap behind each interval

    def __repr__(self) -> str:
        return f"Config\n{indented(to_dict(self))}"

    def _repr_html_(self) -> str:
        return tree(f"Config: preset {self.preset}, seed {self.seed}", to_dict(self))


def replace(config: Any, **changes: Any) -> Any:
    """A copy of a config with some settings changed; a nested config takes a dict (or a config).

    Raises
    ------
    ValueError
        If a setting does not exist, with its name and the nearest one that does; or if a number means nothing.
    TypeError
        If a value has the wrong type.
    """
    known = {item.name: item for item in dataclasses.fields(config)}
    values = {}
    for name, value in changes.items():
        if name not in known:
            hint = did_you_mean(name, known, f"it has {', '.join(known)}")
            raise ValueError(f"{type(config).__name__} has no setting {name!r}; {hint}")
        current = getattr(config, name)
        value = value.item() if isinstance(value, np.generic) else value  # as np.linspace and np.arange give them
        if dataclasses.is_dataclass(current) and isinstance(value, dict):
            value = replace(current, **value)
        elif isinstance(current, float) and type(value) is int:
            value = float(value)
        elif isinstance(current, tuple) and isinstance(value, list):  # as JSON has it
            value = tuple(float(each) if type(each) is int else each for each in value)
            if not all(isinstance(each, float) for each in value):
                raise TypeError(f"{type(config).__name__}.{name} is {changes[name]!r}; it takes a list of numbers")
        elif type(value) is not type(current):
            raise TypeError(
                f"{type(config).__name__}.{name} is {value!r}; it takes a {type(current).__name__}, such as {current!r}"
            )
        check_range(name, value)
        values[name] = value
    return dataclasses.replace(config, **values)


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A copy of a config with settings changed by their dotted names: {"loss.temperature": 0.05}.

    Raises
    ------
    ValueError, TypeError
        As `replace`.
    """
    _keep_preset(settings)
    for name, value in settings.items():
        *outer, last = name.split(".")
        change = {last: value}
        for part in reversed(outer):
            change = {part: change}
        config = replace(config, **change)
    return config


def preset(name: str | None = None, **changes: Any) -> Config:
    """The config of a preset with some settings changed.

    Parameters
    ----------
    name : str, optional
        smoke, laptop or paper; None takes the environment variable ECCL_PRESET, or laptop.
    **changes
        As in `replace`: `seed=1`, `loss={"temperature": 0.05}`.

    Raises
    ------
    ValueError, TypeError
        If there is no such preset or setting, or a value has the wrong type.

    Examples
    --------
    >>> preset("paper").ecg.width
    768
    >>> preset("smoke", loss={"temperature": 0.05}).loss.temperature
    0.05
    """
    name = name or os.environ.get("ECCL_PRESET") or "laptop"
    if name not in PRESETS:
        raise ValueError(f"no preset is named {name!r}; there are {', '.join(PRESETS)}")
    _keep_preset(changes)
    return replace(replace(Config(preset=name), **PRESETS[name]), **changes)


def _keep_preset(changes: Mapping[str, Any]) -> None:
    if "preset" in changes:  # its name alone would change, under which runs are found, and not what it stands for
        raise ValueError("the preset is what settings start from, not one of them; name it instead")


# The names of the settings, so that a notebook offers them.
preset.__signature__ = inspect.Signature(
    [
        inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation="str | None"),
        *(
            inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, annotation=item.type)
            for item in dataclasses.fields(Config)
            if item.name != "preset"
        ),
    ],
    return_annotation="Config",
)


def to_dict(config: Any) -> dict[str, Any]:
    """A config as plain nested dicts, ready for JSON."""
    return dataclasses.asdict(config)


def from_dict(values: dict[str, Any]) -> Config:
    """The config of `to_dict`, as a run's config.json holds it.

    Raises
    ------
    ValueError, TypeError
        As `replace`: if the values are of another version of this package.
    """
    return replace(Config(), **values)
