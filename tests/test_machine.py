"""A machine that is not there is said to be none."""

import pytest
import torch

from eccl.errors import DataError
from eccl.machine import Machine, engine


def test_a_device_that_this_computer_does_not_have_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for machine in (Machine("cuda"), Machine("cpu", devices=-1)):
        with pytest.raises(DataError, match=r"can be had here .*Remedy: take accelerator"):
            engine(machine)
