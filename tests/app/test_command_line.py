"""The command line as a user types it, up to where heavy work would begin."""

import os
import subprocess
import sys

import pytest


def poolwise(*words, cwd=None, **env):
    return subprocess.run(
        [sys.executable, "-m", "poolwise", *words], capture_output=True, text=True, cwd=cwd, env={**os.environ, **env}
    )


def test_help_lists_every_command():
    from poolwise.app.cli import COMMANDS

    out = poolwise("--help").stdout
    assert all(command in out for command in COMMANDS)


def test_help_of_the_loop_lists_parts_and_settings():
    out = poolwise("loop", "--help").stdout
    assert "clustered" in out
    assert "query_size: 20" in out


def test_help_lists_the_parts_that_a_job_takes_and_those_of_ones_own(tmp_path):
    (tmp_path / "query").mkdir()
    (tmp_path / "query" / "mine.yaml").write_text("_target_: poolwise.query.random.Random\n")
    out = poolwise("loop", "--config-dir", str(tmp_path), "--help").stdout
    assert "mine" in next(line for line in out.splitlines() if line.startswith("query: "))
    assert not any(line.startswith(("curve: ", "pruning: ")) for line in out.splitlines())


def test_help_of_the_experiment_lists_its_own_parts_and_bears_a_reader_that_leaves():
    with subprocess.Popen(
        [sys.executable, "-m", "poolwise", "samplesize", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    out = poolwise("samplesize", "--help").stdout
    assert "curve: arctan" in out
    assert "stopping:" not in out


def test_help_of_the_benchmark_lists_settings_and_examples():
    out = poolwise("benchmark", "--help").stdout
    assert "strategies:" in out
    assert "poolwise benchmark --config-dir plans +plan=mine" in out


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["benchmark", "strategies=[margin]"], "reference is 'random', which is none of the strategies margin"),
        (["benchmark", "sedes=[1]"], "Could not override 'sedes'"),
        (["loop", "query=clusterd"], "Could not find 'query/clusterd'"),
        (["loop", "querysize=3"], "Could not override 'querysize'"),
        (["loop", "+query_sise=3"], "query_sise is not an option of LoopConfig; did you mean 'query_size'"),
        (["loop", "+audit.evry=3"], "audit.evry is not an option of LoopAudit; did you mean 'every'"),
        (["loop", "audit.every=soon"], "audit.every"),
        (["loop", "query_size=many"], "query_size: Value 'many' of type 'str' could not be converted to Integer"),
        (["loop", "run_name=a/b"], "run_name is 'a/b'"),
        (["ingest", "nowhere.csv"], "nowhere.csv does not exist"),
        (["report", "nowhere"], "is no run folder"),
    ],
)
def test_a_mistake_gets_one_clear_message(tmp_path, words, match):
    found = poolwise(*words, cwd=tmp_path)
    assert found.returncode == 1
    assert match in found.stderr
    assert "Traceback" not in found.stderr


def test_status_of_nothing_says_how_to_begin(tmp_path):
    assert "`poolwise loop` begins one" in poolwise("status", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("poolwise ", "ingest"),
        ("poolwise st", "status"),
        ("poolwise loop que", "query="),
        ("poolwise loop query=bad", "query=badge"),
    ],
)
def test_tab_completion_offers_what_fits(line, offered):
    assert offered in poolwise("-sc", "query=bash", COMP_LINE=line).stdout.split()


def test_tab_completion_can_be_installed():
    assert "complete" in poolwise("-sc", "install=bash").stdout


def test_a_folder_of_ones_own_is_searched_first(tmp_path):
    (tmp_path / "mine/query").mkdir(parents=True)
    (tmp_path / "mine/query/own.yaml").write_text("_target_: poolwise.query.random.Random\n")
    out = poolwise("loop", "--config-dir", "mine", "query=own", "-c", "job", cwd=tmp_path)
    assert "poolwise.query.random.Random" in out.stdout
