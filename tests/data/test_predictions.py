import numpy as np
import pytest

from builders import Blobs
from poolwise.core.errors import DataError
from poolwise.data.predictions import read_predictions

MANIFEST = Blobs(n=4, test=0).manifest
IDS = np.array([1, 3])


def table(tmp_path, *rows, header="path,a,b,c"):
    file = tmp_path / "mine.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_a_table_has_a_column_for_each_class_in_any_order(tmp_path):
    file = table(tmp_path, "blobs/0003,.2,.5,.3", "blobs/0001,.1,.1,.8", header="path,b,a,c")
    assert np.allclose(read_predictions(file, MANIFEST, IDS), [[0.1, 0.1, 0.8], [0.5, 0.2, 0.3]])


def test_parquet_and_npz_say_the_same(tmp_path):
    import pyarrow
    from pyarrow import parquet

    probs = np.array([[0.1, 0.1, 0.8], [0.5, 0.2, 0.3]])
    paths = ["blobs/0001", "blobs/0003"]
    parquet.write_table(
        pyarrow.table({"path": paths, **dict(zip("abc", probs.T, strict=True))}), tmp_path / "p.parquet"
    )
    np.savez(tmp_path / "p.npz", paths=paths, probs=probs[:, ::-1], classes=["c", "b", "a"])
    for name in ("p.parquet", "p.npz"):
        assert np.allclose(read_predictions(tmp_path / name, MANIFEST, IDS), probs)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["blobs/0001,.1,.1,.8"], "no row for 1 of 2 samples: blobs/0003"),
        (["blobs/0001,.1,.1,.8", "blobs/0003,.1,.1,.1"], r"do not sum to 1.*blobs/0003 \(0.300\)"),
        (["blobs/0001,.1,.1,.8", "blobs/0003,2,-1,0"], "no probabilities.*softmax"),
        (["blobs/0001,.1,.1,.8", "blobs/0003,x,0,1"], "line 3: 'a' is 'x'"),
        (["blobs/0001,.1,.1,.8", "blobs/0001,.1,.1,.8"], "more than once"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        read_predictions(table(tmp_path, *rows), MANIFEST, IDS)


def test_files_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_predictions(tmp_path / "gone.csv", MANIFEST, IDS)
    with pytest.raises(DataError, match="no column for the classes c"):
        read_predictions(table(tmp_path, "blobs/0001,.5,.5", header="path,a,b"), MANIFEST, IDS)
    np.savez(tmp_path / "p.npz", probs=np.zeros((2, 3)))
    with pytest.raises(DataError, match="needs the arrays"):
        read_predictions(tmp_path / "p.npz", MANIFEST, IDS)
    (tmp_path / "bad.npz").write_text("no")
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_predictions(tmp_path / "bad.npz", MANIFEST, IDS)
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04garbage")
    with pytest.raises(DataError, match=r"cannot be read as \.npz"):
        read_predictions(tmp_path / "cut.npz", MANIFEST, IDS)
