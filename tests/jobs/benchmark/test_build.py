"""From settings to cells, and a small benchmark as a user types it."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from poolwise.core.errors import ConfigError
from poolwise.core.parts import conf_dir
from poolwise.jobs.benchmark.build import plan_of, run_task

SMALL = [
    "strategies=[random,margin]", "seeds=[0,1]", "regimes=[{low:{seed_size:10,query_size:10,budget:20}}]",
    "tracking=none", "name=small",
    "overrides={model.epochs:1,model.min_steps:4,trainer.accelerator:cpu,model.backbone.channels:[4,8],model.backbone.width:8}",
]  # fmt: skip


def plan(*overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("benchmark", list(overrides)), resolve=True)
    return plan_of(config, command="poolwise benchmark")


def test_every_cell_is_a_loop_run_with_its_own_settings(tmp_path):
    found = plan(*SMALL, f"runs={tmp_path}")
    assert len(found.tasks) == 4
    task = next(each for each in found.tasks if (each.cell.strategy, each.cell.seed) == ("margin", 1))
    config = task.config
    assert task.folder == tmp_path / "small/digits-low-margin-seed1"
    assert (config["seed"], config["seed_size"], config["query_size"], config["budget"]) == (1, 10, 10, 20)
    assert (config["control"], config["annotation"]["seed"], config["stopping"]["budget"]["budget"]) == (False, 1, 20)
    assert config["query"]["_target_"].endswith("Margin")
    assert config["model"]["epochs"] == 1


def test_names_of_ones_own_bring_settings_of_the_loop():
    found = plan(
        "strategies=[random,{wide:{query:clustered,query.candidates:10}}]",
        "datasets=[{noisy:{data:digits,annotation.noise_rate:0.1}}]",
        "seeds=[0]",
    )
    config = found.tasks[1].config
    assert config["query"]["candidates"] == 10
    assert config["annotation"]["noise_rate"] == 0.1
    assert found.tasks[1].cell.name == "noisy-low-wide-seed0"


def test_each_benchmark_is_an_experiment_and_models_are_not_sent_unasked():
    tracking = plan("seeds=[0]", "name=mine").tasks[0].config["tracking"]
    assert (tracking["experiment"], tracking["log_model"]) == ("poolwise/mine", False)


def test_the_command_of_a_cell_goes_on_with_it():
    command = plan(*SMALL).tasks[0].command
    assert command.startswith("poolwise loop ")
    assert "run_name=digits-low-random-seed0" in command
    assert "control=false" in command


def test_the_upper_bound_is_one_more_cell_a_seed():
    found = plan(*SMALL, "upper_bound=true")
    bound = [each for each in found.tasks if each.cell.strategy == "oracle_lookahead"]
    assert len(bound) == 2
    assert [each["_target_"].rpartition(".")[2] for each in bound[0].rivals] == ["Margin"]


def test_the_upper_bound_tries_the_reference_too_and_leaves_out_chance_alone():
    words = ["strategies=[margin,{chance:{query:random}},badge]", "reference=margin", "seeds=[0]"]
    bound = plan(*words, "upper_bound=true").tasks[-1]
    assert [each["_target_"].rpartition(".")[2] for each in bound.rivals] == ["Margin", "Badge"]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["strategies=[margin]"], "reference is 'random', which is none of the strategies margin"),
        (["strategies=[random,margn]"], "margn on digits.*Could not find 'query/margn'"),
        (["overrides={seed:3}"], "'seed=3' sets what the benchmark itself sets for each cell; use `seeds`"),
        (["overrides={ledger.url:x}"], "leave it out"),
        (["overrides={querysize:3}"], "querysize"),
        (["jobs=0"], "jobs is 0"),
        (["seeds=[1,1]"], "different whole numbers"),
        (["name=a/b"], "name is 'a/b'"),
        (["strategies=[random,oracle_lookahead]"], "upper_bound=true adds it"),
        (
            ["strategies=[random,{last:{query:committee,query.members:rounds}}]", "upper_bound=true"],
            "upper_bound=true tries out.*models of the last rounds",
        ),
    ],
)
def test_a_mistake_is_named_before_anything_runs(words, match):
    with pytest.raises(ConfigError, match=match):
        plan(*words)


def test_a_cell_runs_from_its_configuration(tmp_path):
    task = plan(*SMALL, f"runs={tmp_path}", "upper_bound=true", "upper_bound_batches=1").tasks[2]
    found = run_task(task)
    assert task.cell.strategy == "oracle_lookahead"
    assert [point.labelled for point in found.points] == [10, 20]
    assert 0 < found.pool_accuracy < 1


def started(folder, jobs=2):
    return subprocess.Popen(
        [sys.executable, "-m", "poolwise", "benchmark", *SMALL, f"jobs={jobs}"],
        cwd=folder, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def without_times(file):
    with file.open(newline="") as source:
        return [{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(source)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_benchmark_goes_on_to_the_same_results(tmp_path):
    for name in ("killed", "unbroken"):
        (tmp_path / name).mkdir()
    process = started(tmp_path / "killed")
    for line in process.stdout:
        if line.startswith("1 of 4"):
            process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(3)  # its children end with it
    again = started(tmp_path / "killed")
    said = again.communicate()[0]
    assert again.returncode == 0
    assert "cells were finished before" in said
    unbroken = started(tmp_path / "unbroken", jobs=1)
    unbroken.communicate()
    assert unbroken.returncode == 0
    tables = [without_times(tmp_path / name / "runs/small/results.csv") for name in ("killed", "unbroken")]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 8
