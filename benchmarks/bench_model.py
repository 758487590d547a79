"""Prints the training speed of each network on this device, all measured in turn in one run.

    python benchmarks/bench_model.py [--preset paper] [--batch-size 8] [--precision bf16-mixed]

A step is forward, loss, backward and AdamW on random data that already lie on the device. The networks take turns, step
by step, so that the ratios hold on a busy machine where the absolute numbers do not.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from eccl.config import PRESETS, Config, preset
from eccl.encoders.cmr import cmr_encoder
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.heads import Predictor
from eccl.encoders.masked_autoencoder import masked_autoencoder
from eccl.encoders.pair import ECCL
from eccl.records import FRAMES, LEADS, SAMPLES
from eccl.training.losses import Contrast, trait_loss
from eccl.traits import TRAIT_NAMES


def networks(config: Config, ecg: Tensor, cine: Tensor) -> dict[str, tuple[nn.Module, Callable[[nn.Module], Tensor]]]:
    """Each network with the function that gives its loss on the batch."""
    traits = torch.randn(len(ecg), len(TRAIT_NAMES), device=ecg.device)
    generator = torch.Generator(device=ecg.device).manual_seed(config.seed)
    across = Contrast(config.loss).to(ecg.device)

    def eccl_loss(model: ECCL, **cmr: Tensor) -> Tensor:
        output = model(ecg, **cmr)
        return across(output.z_ecg, output.z_cmr) + config.loss.trait_weight * trait_loss(output.traits, traits)

    eccl = ECCL(config.ecg, config.cmr, config.embedding).freeze_cmr()
    h_cmr = torch.randn(len(ecg), eccl.cmr.width, device=ecg.device)
    return {
        "ECG encoder": (Predictor(ecg_encoder(config.ecg), len(TRAIT_NAMES)), lambda m: trait_loss(m(ecg), traits)),
        "ECG autoencoder": (
            masked_autoencoder(ecg_encoder(config.ecg), config.mae),
            lambda m: m(ecg, generator).loss,
        ),
        "CMR encoder": (Predictor(cmr_encoder(config.cmr), len(TRAIT_NAMES)), lambda m: trait_loss(m(cine), traits)),
        "ECCL, cached CMR": (eccl, lambda m: eccl_loss(m, h_cmr=h_cmr)),
        "ECCL, frozen CMR": (eccl, lambda m: eccl_loss(m, cine=cine)),
    }


def training_step(model: nn.Module, loss: Callable[[nn.Module], Tensor], mixed: bool) -> Callable[[], float]:
    """A function that takes one training step and returns its seconds."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    device = parameters[0].device
    optimizer = torch.optim.AdamW(parameters, lr=1e-5, fused=True)  # as eccl.training.optimisation

    def step() -> float:
        start = time.perf_counter()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
            value = loss(model)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        value.item()  # waits for the device
        return time.perf_counter() - start

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="laptop")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=15.0, help="measured time over all networks, after a warm-up")
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), help="default: the preset's")
    arguments = parser.parse_args()

    config = preset(arguments.preset)
    precision = arguments.precision or config.precision
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(config.seed)
    ecg = 0.2 * torch.randn(arguments.batch_size, len(LEADS), SAMPLES, device=device)
    cine = torch.rand(arguments.batch_size, FRAMES, 80, 80, device=device)
    with device:
        models = networks(config, ecg, cine)

    steps = {
        name: training_step(model.train(), loss, precision == "bf16-mixed") for name, (model, loss) in models.items()
    }
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + arguments.seconds
    while time.perf_counter() < end or not all(times.values()):
        for name, step in steps.items():
            times[name].append(step())

    hardware = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"preset {config.preset}, batch {arguments.batch_size}, {precision}, {hardware}, torch {torch.__version__}")
    print(f"{'network':<18}{'parameters':>12}{'samples/s':>11}{'ratio':>7}{'steps':>7}")
    rate = {name: arguments.batch_size / statistics.median(seconds) for name, seconds in times.items()}
    for name, (model, _) in models.items():
        parameters = sum(p.numel() for p in model.parameters())
        ratio = rate[name] / rate["ECG encoder"]
        print(f"{name:<18}{parameters:>12,}{rate[name]:>11.1f}{ratio:>7.2f}{len(times[name]):>7}")


if __name__ == "__main__":
    main()
