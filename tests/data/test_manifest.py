from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError, DataError, UnknownLabel
from poolwise.core.types import Split, Task
from poolwise.data.catalogue import HeldOut, Row, build_manifest
from poolwise.data.manifest import ManifestFile


@pytest.fixture
def table(tmp_path, picture):
    for name in "abcd":
        picture(tmp_path / f"{name}.png")

    def write(text, name="items.csv", **options):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return ManifestFile(path=str(tmp_path / name), **{"image_size": 4, "test_fraction": 0.0, **options})

    return write


def test_a_plain_table_is_read_and_sorted(table):
    manifest = table("path,label\nb.png,dog\na.png,cat\nc.png,\n").manifest
    assert manifest.paths == ("a.png", "b.png", "c.png")
    assert manifest.classes == ("cat", "dog")
    assert manifest.labels.tolist() == [0, 1, -1]
    assert manifest.groups is None


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffpath,label\r\na.png,cat\r\nb.png,dog\r\n",
        " Path , LABEL \n a.png , cat \n\n ./b.png ,dog\n , \n",
        "path;label;note\na.png;cat;x,y\nb.png;dog;\n",
        "label\tpath\ncat\ta.png\ndog\tb.png",
        'path,label\n"a.png","cat"\nb.png,dog,,\n',
    ],
    ids=["windows", "blanks", "semicolons", "tabs", "quotes"],
)
def test_tables_as_spreadsheets_write_them_are_read(table, text):
    manifest = table(text).manifest
    assert manifest.paths == ("a.png", "b.png")
    assert manifest.labels.tolist() == [0, 1]


def test_several_labels_none_and_unknown_differ(table):
    manifest = table("path,labels\na.png,cat|dog\nb.png,dog; dog\nc.png,\nd.png,|\n").manifest
    assert manifest.task is Task.MULTILABEL
    assert manifest.labels.tolist() == [[1, 1], [0, 1], [-1, -1], [0, 0]]


def test_splits_and_groups_are_kept(table):
    text = "path,label,split,group\na.png,1,train,x\nb.png,2,Test,x\nc.png,10,valid,\nd.png,2,,y\n"
    manifest = table(text).manifest
    assert manifest.classes == ("1", "2", "10")
    assert manifest.splits.tolist() == ["pool", "test", "validation", "pool"]
    assert manifest.groups.tolist() == ["x", "x", "", "y"]


def test_unlabelled_tables_need_a_class_list(table):
    with pytest.raises(DataError, match=r"data\.classes=\[cat,dog\]"):
        _ = table("path\na.png\nb.png\n").manifest
    manifest = table("path\na.png\nb.png\n", classes=("cat", "dog"), test_fraction=0.5).manifest
    assert not manifest.known().any()
    assert (manifest.splits == Split.POOL.value).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("path,label\n", "no rows"),
        ("file,label\na.png,cat\n", "no column `path`.*file, label"),
        ("path,label,labels\na.png,cat,dog\n", "both columns"),
        ("path,path\na.png,b.png\n", "more than one column"),
        ("path,label\na.png,cat\n./a.png,dog\n", r"a\.png \(items\.csv line 2 and items\.csv line 3\)"),
        ("path,label\na.png,cat\n,dog\n", "line 3 has no path"),
        ("path,label,split\na.png,cat,tset\n", "line 2 has the split 'tset'"),
        ("path,label\na,b.png,cat\n", "line 2 has 3 fields"),
        ("path,label\na.png,cat\nb.png,cat\n", "only one class"),
        ('path,label\n"a.png,cat\n', "no valid CSV"),
        (b"path,label\na.png,caf\xe9\n", "line 2 is not UTF-8"),
        ("path,label\nx.png,cat\ny.png,dog\n", "none of the 2 pictures.*data.root"),
        ('path,label\n"a\nb.png",cat\nb.png,dog\n', "without line breaks"),
    ],
)
def test_tables_that_cannot_be_used_say_why(table, text, words):
    with pytest.raises(DataError, match=words):
        _ = table(text).manifest


def test_labels_outside_the_class_list_are_named_with_their_line(table):
    with pytest.raises(UnknownLabel, match=r"'bird' \(items\.csv line 3\)"):
        _ = table("path,label\na.png,cat\nb.png,bird\n", classes=("cat", "dog")).manifest
    with pytest.raises(DataError, match="blank name"):
        _ = table("path,label\na.png,cat\n", classes=("cat", " ")).manifest


def test_a_column_of_another_length_is_refused(table):
    manifest = table("path,label,cost\na.png,cat,1\nb.png,dog,2\n").manifest
    with pytest.raises(DataError, match="column 'cost' has 3 values for 2 samples"):
        replace(manifest, columns={"cost": np.ones(3)})


def test_a_class_without_samples_is_fine(table):
    assert table("path,label\na.png,cat\n", classes=("cat", "dog")).manifest.classes == ("cat", "dog")


def test_missing_tables_say_so(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.path"):
        _ = ManifestFile().manifest
    with pytest.raises(DataError, match="there is no file"):
        _ = ManifestFile(path=str(tmp_path / "x.csv")).manifest


def test_a_root_that_is_not_there_is_named(table, tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        _ = table("path,label\na.png,x\n", root=str(tmp_path / "none")).manifest


def test_missing_files_and_folders_are_unreadable_and_the_rest_goes_on(table, tmp_path):
    (tmp_path / "sub").mkdir()
    images = table("path,label\na.png,cat\nx.png,dog\nsub,dog\n")
    found = {images.manifest.paths[at]: why for at, why in images.unreadable()}
    assert found == {"x.png": "there is no such file", "sub": "it is not a file"}
    assert images.read(np.array([0])).shape == (1, 3, 4, 4)


def test_absolute_paths_below_the_root_are_the_same_pictures(table, tmp_path):
    relative, absolute = table("path,label\na.png,x\nb.png,y\n"), f"path,label\n{tmp_path}/a.png,x\nb.png,y\n"
    assert table(absolute).manifest.digest() == relative.manifest.digest()


def test_a_root_of_its_own_and_paths_outside_are_found(table, tmp_path, picture):
    outside = picture(tmp_path / "far" / "e.png")
    (tmp_path / "sub").mkdir()
    images = table(f"path,label\n../a.png,x\n{outside}\n", root=str(tmp_path / "sub"), classes=("x", "y"))
    assert [images.file(at).resolve() for at in range(2)] == [tmp_path / "a.png", outside]
    assert images.unreadable() == []


@pytest.mark.parametrize("labels", [["1", "2", None], [1, 2, None], [1.0, 2.0, float("nan")]])
def test_parquet_labels_of_any_type_agree_with_csv(table, tmp_path, labels):
    import pyarrow
    from pyarrow import parquet

    names = ["a.png", "b.png", "c.png"]
    parquet.write_table(
        pyarrow.table({"path": names, "label": labels, "split": [None] * 3}), tmp_path / "items.parquet"
    )
    got = ManifestFile(path=str(tmp_path / "items.parquet"), test_fraction=0.0).manifest
    assert got.digest() == table("path,label\na.png,1\nb.png,2\nc.png,\n").manifest.digest()


def test_parquet_lists_are_several_labels(tmp_path, table):
    import pyarrow
    from pyarrow import parquet

    columns = {"path": ["a.png", "b.png", "c.png"], "labels": [["x", "y"], [], None]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "items.parquet")
    got = ManifestFile(path=str(tmp_path / "items.parquet"), test_fraction=0.0).manifest
    assert got.labels.tolist() == [[1, 1], [0, 0], [-1, -1]]
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        _ = table("path,label\n", name="broken.parquet").manifest


def test_multi_label_names_must_not_hold_separators(table):
    with pytest.raises(DataError, match="separate labels"):
        _ = table("path,labels\na.png,\n", classes=("cat|dog", "x")).manifest


rows = st.dictionaries(
    st.text("abc/", min_size=1, max_size=5),
    st.tuples(st.sampled_from([None, "x", "y"]), st.sampled_from([None, *Split]), st.sampled_from(["", "g"])),
    min_size=1,
)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(table_rows, random):
    listed = [Row(path, *rest) for path, rest in table_rows.items()]
    shuffled = random.sample(listed, len(listed))
    one, two = (build_manifest("t", r, ("x", "y"), Task.MULTICLASS, HeldOut(0.3, 0.1, 0)) for r in (listed, shuffled))
    assert one.digest() == two.digest()
    assert list(one.paths) == sorted(table_rows)
