"""The presets: what smoke and paper change of the settings in `eccl.config`, whose own values are those of laptop."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "laptop": {},
    "smoke": {
        "embedding": 16,
        "simulation": {"participants": 80},
        "ecg": {"width": 24},
        "mae": {"width": 32, "depth": 1, "heads": 2},
        # CMR at the laptop's width: of other widths than multiples of 16, torch 2.13 on several CPU threads corrupts
        # memory in the backward pass of odd batches.
        "stage_mae": {"epochs": 2, "batch_size": 16},
        "stage_cmr": {"epochs": 2, "batch_size": 16},
        "stage_eccl": {"epochs": 2, "batch_size": 16},
        "stage_supervised": {"epochs": 2, "batch_size": 16},
        "stage_simclr": {"epochs": 2, "batch_size": 16},
        "stage_finetune": {"epochs": 2, "batch_size": 16},
        "replicates": 200,
    },
    "paper": {
        "embedding": 256,
        "simulation": {"participants": 40000, "prevalence": "biobank"},
        "ecg": {
            **{"name": "vit", "sampling_rate": 500, "patch_leads": 1, "patch_samples": 100},
            **{"width": 768, "depth": 12, "heads": 12, "dropout": 0.1},
        },
        "mae": {"width": 512, "depth": 8, "heads": 16, "masking": "random", "mask_ratio": 0.75},
        "cmr": {"name": "swin", "width": 96, "image_size": 224, "drop_path": 0.2},
        "stage_mae": {"epochs": 400, "batch_size": 128, "learning_rate": 1e-4, "patience": 10},
        "stage_cmr": {"epochs": 400, "batch_size": 128, "learning_rate": 3.2e-5, "patience": 10},
        "stage_eccl": {"epochs": 400, "batch_size": 32, "learning_rate": 8e-5, "patience": 10},
        "stage_supervised": {"epochs": 800, "batch_size": 32, "learning_rate": 8e-5, "patience": 10},
        "stage_simclr": {"epochs": 800, "batch_size": 128, "learning_rate": 1e-4, "patience": 10},
        "stage_finetune": {"epochs": 400, "batch_size": 32, "learning_rate": 8e-6, "patience": 10},
        # The original's augmentation and nothing else: reversed time and sign, turned and cropped images.
        "ecg_augmentation": {
            **dict.fromkeys(("gain", "lead_gain", "wander", "noise", "shift", "lead_dropout"), 0.0),
            **dict.fromkeys(("time_flip", "sign_flip"), 0.33),
        },
        "cine_augmentation": {
            **dict.fromkeys(("shift", "gamma", "noise"), 0.0),
            **{"angle": 15.0, "smallest_zoom": 0.8, "horizontal_flip": 0.5},
        },
        "ecg_start": "masked_autoencoder",
        "precision": "bf16-mixed",
    },
}
