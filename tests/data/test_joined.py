"""Several stores read as one: each row is that of the store that holds it, in the order that is asked for."""

import numpy as np
import pytest
import torch

from eccl.data.joined import Joined
from eccl.data.store import Batch


class Numbers:
    """A store whose ECG of row 3 is 3 plus an offset, throughout."""

    def __init__(self, count, offset, simulated=True):
        self.count, self.offset, self.simulated, self.fingerprint = count, offset, simulated, f"of {offset}"

    def __len__(self):
        return self.count

    def batch(self, indices, modalities):
        value = torch.as_tensor(indices).float() + self.offset
        recordings = {name: value[:, None, None].expand(-1, 12, 5).clone() for name in modalities}
        return Batch(recordings, value[:, None].expand(-1, 82), value[:, None].expand(-1, 4), torch.as_tensor(indices))


JOINED = Joined(Numbers(4, 0), Numbers(3, 100, simulated=False), Numbers(2, 200))


@pytest.mark.parametrize("rows", [[8, 0, 5, 3, 4, 1], [2, 0], [7], []])
def test_rows_come_in_the_order_that_is_asked_for(rows):
    batch = JOINED.batch(rows, ["ecg"])
    expected = [[0, 1, 2, 3, 100, 101, 102, 200, 201][row] for row in rows]
    for tensor in (batch["ecg"], batch.traits, batch.diagnoses):
        assert tensor.shape[0] == len(rows) and tensor.dtype == torch.float32
        rest = [1] * (tensor.ndim - 1)
        assert torch.equal(tensor, torch.tensor(expected).float().reshape(-1, *rest).expand_as(tensor))
    assert batch.index.tolist() == rows and batch["ecg"].shape == (len(rows), 12, 5)


@pytest.mark.parametrize("rows", [[9], [0, -1]])
def test_a_row_that_is_in_none_is_an_error(rows):
    with pytest.raises(IndexError, match="of 9"):
        JOINED.batch(rows, ["ecg"])


def test_it_is_named_by_all_and_about_the_first():
    assert len(JOINED) == 9 and JOINED.simulated and not Joined(*JOINED.stores[1:]).simulated
    others = [Joined(*JOINED.stores[::-1]), Joined(*JOINED.stores[:2])]
    assert len({JOINED.fingerprint, *(other.fingerprint for other in others)}) == 3


def test_one_store_joined_is_that_store(tiny_store):
    rows = np.array([7, 2, 5])
    one, joined = tiny_store.batch(rows, ["ecg", "cine"]), Joined(tiny_store).batch(rows, ["ecg", "cine"])
    for name in ("ecg", "cine"):
        assert torch.equal(one[name], joined[name])
    torch.testing.assert_close(joined.traits, one.traits, equal_nan=True)
