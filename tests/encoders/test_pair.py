"""ECCL as a whole: what is frozen, what learns, where the heads sit, and the size of the paper's model."""

import pytest
import torch

from eccl.config import Config, preset
from eccl.encoders.ecg import ecg_encoder
from eccl.encoders.heads import Predictor
from eccl.encoders.masked_autoencoder import masked_autoencoder
from eccl.encoders.pair import ECCL, ECCLTable
from eccl.encoders.tabular import TabularEncoder
from eccl.training.losses import clip_loss

CMR = {
    "resnet": {"name": "resnet", "width": 4, "image_size": 32},
    "swin": {"name": "swin", "width": 6, "image_size": 64, "drop_path": 0.3},
}


def pair(config: Config) -> ECCL:
    return ECCL(config.ecg, config.cmr, config.embedding)


def eccl(cmr="resnet", seed=0) -> ECCL:
    torch.manual_seed(seed)
    ecg = {"name": "vit", "sampling_rate": 500, "patch_samples": 250, "width": 16, "heads": 2, "dropout": 0.1}
    return pair(preset("smoke", ecg=ecg, cmr=CMR[cmr]))


@pytest.fixture(scope="module")
def pairs():
    generator = torch.Generator().manual_seed(0)
    return 0.2 * torch.randn(6, 12, 5000, generator=generator), torch.rand(6, 50, 32, 32, generator=generator)


def test_output_shapes_and_the_unit_sphere(pairs):
    model = eccl().eval()
    output = model(*pairs)
    assert output.h_ecg.shape == (6, 16) and output.h_cmr.shape == (6, 32)
    assert output.z_ecg.shape == output.z_cmr.shape == (6, 16) and output.traits.shape == (6, 82)
    for z in (output.z_ecg, output.z_cmr):
        torch.testing.assert_close(z.norm(dim=1), torch.ones(6))


def test_the_trait_head_reads_the_feature_before_the_projection(pairs):
    model = eccl().eval()
    output = model(pairs[0])
    torch.testing.assert_close(output.traits, model.trait_head(output.h_ecg))
    output.traits.sum().backward()
    assert model.project_ecg.weight.grad is None and model.ecg.patch.weight.grad.any()


def test_the_ecg_alone_is_enough(pairs):
    model = eccl().eval()
    output = model(pairs[0])
    assert output.h_cmr is None and output.z_cmr is None
    torch.testing.assert_close(output.z_ecg, model(*pairs).z_ecg)


def test_a_cached_feature_replaces_the_cine(pairs):
    model = eccl().freeze_cmr().eval()
    h_cmr = model.encode_cmr(pairs[1])
    torch.testing.assert_close(model(pairs[0], h_cmr=h_cmr).z_cmr, model(*pairs).z_cmr)
    with pytest.raises(ValueError, match="not both"):
        model(*pairs, h_cmr=h_cmr)


@pytest.mark.parametrize("cmr", CMR)
def test_a_frozen_cmr_encoder_is_frozen_whatever_train_says(cmr, pairs):
    model = eccl(cmr).freeze_cmr().train()
    assert model.ecg.training and model.project_cmr.training and model.training
    assert not any(module.training for module in model.cmr.modules())
    assert not any(p.requires_grad for p in model.cmr.parameters())
    before = {name: value.clone() for name, value in model.cmr.state_dict().items()}
    first = model(*pairs)
    assert torch.equal(first.h_cmr, model(*pairs).h_cmr)  # no drop path, no batch statistics
    assert not first.h_cmr.requires_grad
    assert all(torch.equal(before[name], value) for name, value in model.cmr.state_dict().items())
    assert not torch.equal(first.h_ecg, model(*pairs).h_ecg)  # while the dropout of the ECG encoder is on


@pytest.mark.parametrize("cmr", CMR)
def test_unfrozen_the_cmr_encoder_trains(cmr, pairs):
    model = eccl(cmr).train()
    output = model(*pairs)
    clip_loss(output.z_ecg, output.z_cmr).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.cmr.parameters())
    assert not torch.equal(model(*pairs).h_cmr, model(*pairs).h_cmr) or cmr == "resnet"


def test_a_step_moves_the_projection_and_the_ecg_side_only(pairs):
    model = eccl().freeze_cmr().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    output = model(*pairs)
    (clip_loss(output.z_ecg, output.z_cmr) + output.traits.square().mean()).backward()
    optimizer.step()
    moved = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(before[name], value)}
    assert moved == {"ecg", "project_ecg", "project_cmr", "trait_head"}


def test_pairs_can_be_learnt_by_heart(pairs):
    model = eccl().freeze_cmr().train()
    h_cmr = model.encode_cmr(pairs[1])
    h_cmr = (h_cmr - h_cmr.mean(0)) / h_cmr.std(0)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(40):
        output = model(pairs[0], h_cmr=h_cmr)
        optimizer.zero_grad()
        clip_loss(output.z_ecg, output.z_cmr).backward()
        optimizer.step()
    output = model.eval()(pairs[0], h_cmr=h_cmr)
    assert (output.z_ecg @ output.z_cmr.T).argmax(dim=1).tolist() == list(range(6))


def test_the_pretrained_encoders_fit_into_eccl():
    config = preset("smoke")
    mae = masked_autoencoder(ecg_encoder(config.ecg), config.mae)
    model = pair(config)
    model.ecg.load_state_dict(mae.encoder.state_dict())
    cmr = Predictor(pair(config).cmr, 82)
    model.cmr.load_state_dict(cmr.encoder.state_dict())
    assert torch.equal(next(model.ecg.parameters()), next(mae.encoder.parameters()))


def test_predictors_start_from_the_mean(pairs):
    model = eccl().eval()
    for predictor, x in ((Predictor(model.ecg, 4), pairs[0]), (Predictor(model.cmr, 82), pairs[1])):
        output = predictor(x)
        assert output.shape == (6, predictor.head.out_features)
        assert output.abs().mean() < 0.5


def test_a_table_is_a_third_view_and_leaves_the_other_two_as_they_are(pairs):
    config = preset("smoke", cmr=CMR["resnet"])
    torch.manual_seed(3)
    two = pair(config).eval()
    torch.manual_seed(3)
    three = ECCLTable(config.ecg, config.cmr, config.embedding, lambda: TabularEncoder(8)).eval()
    weights = three.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in two.state_dict().items())
    plain, output = two(*pairs), three(*pairs, table=torch.rand(6, 255))
    assert torch.equal(output.z_ecg, plain.z_ecg) and torch.equal(output.z_cmr, plain.z_cmr)
    assert output.z_table.shape == (6, config.embedding)
    torch.testing.assert_close(output.z_table.norm(dim=1), torch.ones(6))
    assert three(*pairs).z_table is None and len(three(*pairs).embeddings) == 2 and len(output.embeddings) == 3
    assert three(pairs[0]).z_cmr is None  # the ECG alone is enough


def test_the_papers_model_has_the_papers_size():
    config = preset("paper")
    with torch.device("meta"):
        model = pair(config)
        output = model(torch.empty(2, 12, 5000), torch.empty(2, 50, 80, 80))
    assert output.h_ecg.shape == output.h_cmr.shape == (2, 768) and output.z_cmr.shape == (2, 256)
    trained = sum(p.numel() for part in (model.ecg, model.project_ecg) for p in part.parameters())
    # the paper's 85.8 M of the ECG side count the table of positions, which is fixed, and the projection
    assert trained + model.ecg.positions.numel() == pytest.approx(85.8e6, abs=0.05e6)


def test_the_laptop_model_is_small():
    with torch.device("meta"):
        assert sum(p.numel() for p in pair(Config()).parameters()) < 3e6
