"""The command line: what it takes, what it says, and that several processes train as one does, also after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from eccl import train
from eccl.config import from_dict, preset, to_dict

SMALL = ["--preset", "smoke", "--accelerator", "cpu", "--quiet"]
SMALL += [f"--set=stage_{name}.batch_size=6" for name in ("mae", "cmr", "eccl")]
# Without batch norms in the ECG encoder, which amplify the rounding of sums in another order.
SMALL += ["--set=ecg.name=vit", "--set=ecg_start=masked_autoencoder"]
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}


def torchrun(home: Path, *arguments: str) -> subprocess.Popen:
    """Two processes of the command, on loopback."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    launch += ["--local-addr=127.0.0.1", "-m", "eccl.train", *arguments]
    environment = ENVIRONMENT | {"ECCL_HOME": str(home)}
    return subprocess.Popen(launch, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def history(home: Path, method: str) -> pd.DataFrame:
    return pd.read_csv(next(home.glob(f"runs/{method}-smoke-*/history.csv"))).drop(columns="seconds")


@pytest.fixture(scope="module")
def alone(tiny_cohort, tmp_path_factory) -> Path:
    """Where one process has trained all three stages."""
    home = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(home))
        assert train.main(["--method=eccl", f"--cohort={tiny_cohort}", *SMALL]) == 0
    return home


def test_two_processes_train_as_one(alone, tiny_cohort, tmp_path):
    for run in alone.glob("runs/cmr_supervised-*"):  # its batch norms amplify the rounding of sums in another order
        shutil.copytree(run, tmp_path / "runs" / run.name)
    process = torchrun(tmp_path, "--method=eccl", f"--cohort={tiny_cohort}", *SMALL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    for method in ("masked_autoencoder", "eccl"):
        one, two = history(alone, method), history(tmp_path, method)
        pd.testing.assert_frame_equal(two, one, rtol=1e-6, atol=1e-6)


def test_a_killed_process_leaves_what_the_same_command_goes_on_from(alone, tiny_cohort, tmp_path):
    command = ["--method=masked_autoencoder", f"--cohort={tiny_cohort}", *SMALL, "--set=stage_mae.epochs=12"]
    process = torchrun(tmp_path, *command)
    while process.poll() is None and not list(tmp_path.glob("runs/*/state.pt")):
        time.sleep(0.02)
    workers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(workers[-1]), signal.SIGKILL)
    process.communicate(timeout=120)
    assert process.returncode != 0 and not list(tmp_path.glob("runs/*/metrics.json"))
    again = torchrun(tmp_path, *command)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    whole = tmp_path / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(whole))
        assert train.main(command) == 0
    resumed = history(tmp_path, "masked_autoencoder")
    assert len(resumed) == 12
    pd.testing.assert_frame_equal(resumed, history(whole, "masked_autoencoder"), rtol=1e-5, atol=1e-6)


def test_the_folder_of_the_run_is_printed_and_its_config_trains_it_again(alone, tiny_cohort, monkeypatch, capsys):
    monkeypatch.setenv("ECCL_HOME", str(alone))
    run = next(alone.glob("runs/eccl-smoke-*"))
    quiet = [f"--cohort={tiny_cohort}", "--accelerator=cpu", "--quiet"]
    assert train.main([f"--config={run / 'config.json'}", *quiet]) == 0
    assert capsys.readouterr().out.strip() == str(run)
    assert train.main(["--method=masked_autoencoder", *SMALL, quiet[0]]) == 0
    assert "masked_autoencoder-smoke-" in capsys.readouterr().out


def test_unlabelled_ecgs_of_the_same_people_are_refused(alone, tiny_cohort, monkeypatch, capsys):
    monkeypatch.setenv("ECCL_HOME", str(alone))
    command = ["--method=masked_autoencoder", f"--cohort={tiny_cohort}", *SMALL]
    assert train.main([*command, f"--unlabelled={tiny_cohort}"]) == 1
    assert "24 of 24 unlabelled people are in the cohort too" in capsys.readouterr().err


def test_settings_of_the_command_stand_above_those_of_the_file(tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"method": "eccl", "preset": "smoke", "set": {"loss.temperature": 0.2, "seed": 7}}))
    options = train._parser().parse_args([f"--config={file}", "--set", "loss.temperature=0.05"])
    config = train._config(train._wanted(options))
    assert (config.loss.temperature, config.seed, config.preset) == (0.05, 7, "smoke")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method=ecll"], "no method is named 'ecll'"),
        (["--method=measurements"], "measurements is not trained"),
        (["--method=cmr_supervised", "--protocol=finetune"], "no ECG encoder"),
        (["--set", "loss.temprature=1"], "did you mean 'temperature'"),
        (["--set", "loss.temperature"], "takes name=value"),
        (["--set", "loss.temperature=warm"], "it takes a float"),
        (["--config=nothing.json"], "No such file"),
        (["--protocol=finetune", "--target=I99", "--preset=smoke"], "no target is named 'I99'"),
        (["--method=cmr_supervised", "--target=diagnoses"], "a target is what finetune learns"),
        (["--method=finetune-eccl"], "named like finetune-traits-eccl"),
        (["--method=finetune-traits-eccl", "--target=I48"], "learns traits, and the target is I48"),
        (["--preset=smoke", "--set=preset=paper"], "what settings start from"),
        (["--set=label_share=2"], "above 0 and at most 1"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        train.main(arguments)
    assert stop.value.code == 2 and message in capsys.readouterr().err


def test_a_file_that_is_no_config_is_refused(tmp_path, capsys):
    file = tmp_path / "run.json"
    contents = {
        "[]": "no JSON object",
        '{"methode": "eccl"}': "has methode",
        "{": "is no JSON file: Expecting",
        '{"method": ["eccl"]}': "method is a text; got ['eccl']",
        '{"cohort": 3}': "cohort is a text; got 3",
        '{"set": ["seed"]}': "set is an object",
        '{"config": 3}': "config is an object",
        '{"protocol": "fintune"}': "no protocol that trains is named 'fintune'",
        '{"target": "I48"}': "a target is what finetune learns",
        '{"config": {}, "preset": "paper"}': "leave preset out",
        '{"simulated": false}': "trained on people",
    }
    for content, message in contents.items():
        file.write_text(content)
        with pytest.raises(SystemExit):
            train.main([f"--config={file}"])
        assert message in capsys.readouterr().err


def test_data_that_are_not_there_are_exit_code_one(tmp_path, capsys):
    assert train.main([*SMALL, f"--cohort={tmp_path / 'nobody'}"]) == 1
    assert "nobody" in capsys.readouterr().err


def test_help_names_the_options_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as stop:
        train.main(["--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0 and "--set NAME=VALUE" in shown and "130 interrupted" in shown


def test_a_config_file_holds_a_whole_config(tmp_path):
    whole = preset("smoke", seed=9)
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"config": to_dict(whole)}))
    options = train._parser().parse_args([f"--config={file}"])
    assert train._config(train._wanted(options)) == whole == from_dict(to_dict(whole))


def test_the_target_of_the_command_stands_above_that_of_a_finetuned_run(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"method": "finetune-traits-eccl", "config": to_dict(preset("smoke"))}))
    for given, name in (([], "finetune-traits-eccl"), (["--target=I48"], "finetune-I48-eccl")):
        assert train._method(train._wanted(train._parser().parse_args([f"--config={file}", *given]))).name == name


def test_a_setting_that_training_refuses_is_a_sentence(tiny_cohort, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    assert train.main([*SMALL, f"--cohort={tiny_cohort}", "--set=precision=32-false"]) == 1
    assert "32-false" in capsys.readouterr().err
