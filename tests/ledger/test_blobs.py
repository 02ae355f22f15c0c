import numpy as np
import pytest

from poolwise.core.errors import LedgerError
from poolwise.ledger.blobs import Blobs


def test_an_array_comes_back_and_the_same_content_has_the_same_name(tmp_path):
    blobs = Blobs(tmp_path)
    reference = blobs.put_array(np.arange(3))
    assert blobs.put_array(np.arange(3)) == reference
    assert blobs.array(reference).tolist() == [0, 1, 2]


def test_a_damaged_blob_is_noticed(tmp_path):
    blobs = Blobs(tmp_path)
    reference = blobs.put_array(np.arange(3))
    (tmp_path / reference).write_bytes(b"other")
    with pytest.raises(LedgerError, match="damaged"):
        blobs.array(reference)


def test_a_missing_blob_is_named(tmp_path):
    with pytest.raises(LedgerError, match="is missing"):
        Blobs(tmp_path).path(f"{'0' * 64}.npy")


@pytest.mark.parametrize("reference", ["../victim", "/etc/passwd", "abc.npy", "", None, f"{'0' * 64}/../../x"])
def test_what_is_no_reference_names_no_file(tmp_path, reference):
    (tmp_path / "victim").write_text("keep me")
    for use in (Blobs(tmp_path / "blobs").path, Blobs(tmp_path / "blobs").drop):
        with pytest.raises(LedgerError, match="cannot be"):
            use(reference)
    assert (tmp_path / "victim").read_text() == "keep me"


def test_a_writer_that_dies_leaves_nothing(tmp_path):
    def die(path):
        path.write_bytes(b"half")
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        Blobs(tmp_path).put(die, ".pt")
    assert list(tmp_path.iterdir()) == []
