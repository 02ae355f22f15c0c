import json
from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs
from poolwise.core.errors import DataError, PoolwiseError
from poolwise.core.types import Task
from poolwise.data.predictions import read_predictions

MANIFEST = Blobs(n=4, test=0).manifest
SEVERAL = Blobs(n=4, test=0, task=Task.MULTILABEL).manifest
IDS = np.array([1, 3])
NUMBERS = {1: "blobs/0001", 3: "blobs/0003"}, {10: "a", 20: "b", 30: "c"}


def results(tmp_path, *rows):
    file = tmp_path / "results.json"
    file.write_text(
        json.dumps([dict(zip(("image_id", "category_id", "score", "bbox"), row, strict=False)) for row in rows])
    )
    return file


def test_rows_refer_to_the_numbers_of_the_data(tmp_path):
    file = results(tmp_path, (3, 20, 1.0), (1, 10, 0.25), (1, 30, 0.75))
    assert np.allclose(read_predictions(file, MANIFEST, IDS, NUMBERS), [[0.25, 0, 0.75], [0, 1, 0]])


def test_rows_may_name_paths_and_classes_themselves(tmp_path):
    file = results(tmp_path, ("blobs/0003", "b", 1), ("blobs/0001", "c", 1))
    assert np.allclose(read_predictions(file, MANIFEST, IDS), [[0, 0, 1], [0, 1, 0]])


def test_a_file_with_images_and_categories_needs_no_other(tmp_path):
    whole = {
        "images": [{"id": 7, "file_name": "blobs/0001"}, {"id": 8, "file_name": "blobs/0003"}],
        "categories": [{"id": 1, "name": "c"}],
        "annotations": [{"image_id": 7, "category_id": 1, "score": 1}, {"image_id": 8, "category_id": 1, "score": 1}],
    }
    (tmp_path / "r.json").write_text(json.dumps(whole))
    assert np.allclose(read_predictions(tmp_path / "r.json", MANIFEST, IDS), [[0, 0, 1], [0, 0, 1]])


def test_of_several_detections_the_surest_counts_and_none_is_zero(tmp_path):
    file = results(tmp_path, (1, 10, 0.25), (1, 10, 0.5))
    assert np.allclose(read_predictions(file, SEVERAL, IDS, NUMBERS), [[0.5, 0, 0], [0, 0, 0]])


def test_of_crops_the_box_tells_which_is_meant(tmp_path):
    crops = replace(MANIFEST, paths=("x#xywh=0,0,2,2", "x#xywh=1,0,2,2.5", "y#xywh=0,0,1,1", "z#xywh=0,0,1,1"))
    file = results(tmp_path, (1, 10, 1, [1, 0, 2, 2.5]), (9, 20, 1, [0, 0, 1, 1]))
    numbers = {1: "x", 9: "z"}, NUMBERS[1]
    assert np.allclose(read_predictions(file, crops, IDS, numbers), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ((5, 10, 1), "nothing is known of the image_id 5"),
        ((1, 99, 1), "nothing is known of the category_id 99"),
        ((1, "cow", 1), "'cow'; the classes are a, b, c"),
        ((1, 10, "high"), "no number"),
        ((1, 10, 3.5), "no probabilities"),
        (("other.jpg", 10, 1), "about other pictures"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, row, match):
    rows = [row] if row[0] == "other.jpg" else [(1, 10, 1), (3, 10, 1), row]
    with pytest.raises(DataError, match=match):
        read_predictions(results(tmp_path, *rows), MANIFEST, IDS, NUMBERS)


@pytest.mark.parametrize("text", ["{", "3", '{"images": 3}', "[3]"])
def test_a_file_that_holds_no_results_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(PoolwiseError):
        read_predictions(tmp_path / "r.json", MANIFEST, IDS)
