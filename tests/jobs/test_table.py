"""A new job is one folder, its yaml, and one row in the table."""

import pytest
import yaml

from poolwise.app.cli import COMMANDS, main
from poolwise.core.parts import conf_dir
from poolwise.jobs.table import JOBS, Job

SETTINGS = """
from dataclasses import dataclass

@dataclass(frozen=True)
class ToyConfig:
    size: int = 2
    runs: str = "runs"
"""
RUN = """
def run(config, *, command, display):
    display.say(f"{command}: {config['size']}")
    return 0 if config["size"] < 5 else 3
"""
YAML = "defaults: [hydra/common: poolwise, override hydra/job_logging: none, _self_]\nsize: 2\nruns: runs\n"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    folder = tmp_path / "toy_job"
    folder.mkdir()
    for name, text in (("__init__", ""), ("settings", SETTINGS), ("steps", RUN)):
        (folder / f"{name}.py").write_text(text)
    (tmp_path / "toy.yaml").write_text(YAML + "hydra: {job: {name: toy}, help: {header: A toy., footer: The end.}}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("poolwise.app.hydra_job.conf_dir", lambda: tmp_path)
    monkeypatch.setitem(JOBS, "toy", Job(help="a toy", settings="toy_job.settings:ToyConfig", run="toy_job.steps:run"))
    monkeypatch.setattr("sys.argv", ["poolwise"])
    return ["toy", "--config-dir", str(conf_dir())]


def test_a_job_without_a_folder_or_parts_is_one_folder_and_one_row(toy, capsys):
    main([*toy, "size=4"])
    assert "poolwise toy size=4: 4" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="3"):
        main([*toy, "size=5"])
    with pytest.raises(SystemExit):
        main([*toy, "+sise=5"])
    assert "sise is not an option of ToyConfig; did you mean 'size'" in capsys.readouterr().err


def test_the_help_of_a_job_without_parts_lists_its_settings_alone(toy, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([*toy, "--help"])
    out = capsys.readouterr().out
    assert "size: 2" in out
    assert "Parts" not in out


@pytest.mark.parametrize("name", JOBS)
def test_what_a_row_names_is_there(name):
    row = JOBS[name]
    for field in ("settings", "run", "build", "name", "ending", "report", "answers", "words"):
        assert not getattr(row, field) or callable(row.load(field)), field
    assert row.help in COMMANDS[name]
    assert yaml.safe_load((conf_dir() / f"{name}.yaml").read_text())["hydra"]["job"]["name"] == name
