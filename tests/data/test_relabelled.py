import numpy as np
import pytest

from poolwise.core.errors import ConfigError, DataError, UnknownLabel
from poolwise.data.digits import Digits
from poolwise.data.relabelled import Relabelled


def table(tmp_path, *rows):
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["path,label", *rows]) + "\n")
    return str(file)


def test_labels_come_from_the_table_and_the_old_ones_are_the_truth(tmp_path):
    given = Digits(hide_labels=False).manifest
    other = (given.labels[3] + 1) % 10
    found = Relabelled(path=table(tmp_path, f"{given.paths[3]},{other}"), hide_labels=False).manifest
    assert np.flatnonzero(found.labels != given.labels).tolist() == [3]
    assert found.columns["truth"].tolist() == [str(label) for label in given.labels]
    assert found.digest() != given.digest()


def test_in_a_simulation_the_pool_is_hidden_and_the_oracle_says_the_new_label(tmp_path):
    given = Digits(hide_labels=False).manifest
    pool = int(np.flatnonzero(given.splits == "pool")[0])
    source = Relabelled(path=table(tmp_path, f"{given.paths[pool]},7"))
    assert source.manifest.labels[pool] == -1
    assert source.hidden_labels()[pool] == 7


def test_tables_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.path is not set"):
        _ = Relabelled().manifest
    with pytest.raises(DataError, match=r"not in digits: x/1 \(labels.csv line 2\)"):
        _ = Relabelled(path=table(tmp_path, "x/1,3")).manifest
    path = Digits().manifest.paths[0]
    with pytest.raises(UnknownLabel, match="'ten'"):
        _ = Relabelled(path=table(tmp_path, f"{path},ten")).manifest
