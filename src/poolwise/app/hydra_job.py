"""Hydra's command line for one job: composition, help, completion and sweeps are Hydra's own."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, NoReturn

from poolwise.core.parts import conf_dir
from poolwise.core.settings import explained
from poolwise.jobs.table import JOBS, register


def main(job: str, arguments: Sequence[str]) -> None:
    """Run a job with Hydra's arguments (overrides and flags), as `poolwise <job>` does."""
    import hydra
    from omegaconf import OmegaConf

    row = JOBS[job]
    sys.argv = [sys.argv[0], *(map(row.load("words"), arguments) if row.words else arguments)]
    OmegaConf.register_new_resolver("parts", parts, replace=True)
    register(job)
    failed: list[int] = []

    @hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=job)
    def task(config: Any) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from poolwise.app.cli import INTERRUPTED, guarded

        hydra_config = HydraConfig.get()
        sweep = hydra_config.mode is RunMode.MULTIRUN
        choices = {str(name): str(choice) for name, choice in hydra_config.runtime.choices.items()}
        try:
            guarded(
                lambda: run(
                    job, OmegaConf.to_container(config, resolve=True), choices, list(hydra_config.overrides.task), sweep
                )
            )
        except SystemExit as ended:
            if not sweep or ended.code == INTERRUPTED:
                raise
            failed.append(hydra_config.job.num)  # the other jobs of a sweep still run

    if {"--help", "-h"} & set(arguments):
        _help(task, row.load("settings"))
    task()
    if failed:
        sys.stderr.write(f"error: {len(failed)} jobs of the sweep failed: {', '.join(map(str, failed))}\n")
        sys.exit(1)


def _help(task: Callable[[], None], settings: type) -> NoReturn:
    """Print Hydra's help with the explanations of the settings."""
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            task()
    finally:
        sys.stdout.write(explained(told.getvalue(), settings))
        sys.stdout.flush()
    sys.exit(0)


def run(job: str, config: Any, choices: Mapping[str, str], overrides: Sequence[str], sweep: bool = False) -> None:
    """Run a job with its whole resolved configuration; exit with the status that it returns, if it has no folder."""
    from poolwise.app.run import run_job
    from poolwise.app.terminal import Terminal
    from poolwise.core.parts import construct
    from poolwise.jobs.trainings.build import find_here

    row, command = JOBS[job], shlex.join(["poolwise", job, *overrides])
    settings = construct(row.load("settings"), dict(config))
    find_here(getattr(settings, "trusted", ()))
    if row.build:
        seed = getattr(settings, "seed", None)
        name = settings.run_name or row.load("name")(choices, overrides, seed, sweep=sweep)
        run_job(job, config, name=name, method=choices.get(row.about, ""), command=command)
    elif status := row.load("run")(config, command=command, display=Terminal()):
        sys.exit(status)


def parts(job: str) -> str:
    """Return the groups of parts that a job takes with their choices, for its help; those of --config-dir too.

    >>> parts("samplesize").splitlines()[-1]
    'tracking: mlflow, none'
    """
    import yaml
    from hydra.core.global_hydra import GlobalHydra

    job = JOBS[job].cells or job
    defaults = yaml.safe_load((conf_dir() / f"{job}.yaml").read_text(encoding="utf-8"))["defaults"]
    groups = [name for entry in defaults if isinstance(entry, dict) for name in entry if "hydra/" not in name]
    found = {group: sorted(file.stem for file in (conf_dir() / group).glob("*.yaml")) for group in groups}
    if GlobalHydra.instance().is_initialized():
        found = {group: GlobalHydra.instance().config_loader().get_group_options(group) for group in groups}
    lines = [f"{group}: {', '.join(names)}" for group, names in found.items()]
    return "\n".join(["== Parts: choose with group=option ==", "", *lines, ""]) if lines else ""


def complete(arguments: Sequence[str]) -> None:
    """Complete a word for the shell: our own words first, Hydra's after a job's name."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()
    job = words[1] if len(words) > 1 else ""
    if arguments[:1] == ["query=bash"] or any(word.startswith("query=") for word in arguments):
        if job not in JOBS or (len(words) == 2 and not line.endswith(" ")):
            from poolwise.app.cli import COMMANDS

            sys.stdout.write(" ".join(name for name in COMMANDS if name.startswith(job)) + "\n")
            return
        os.environ["COMP_LINE"] = " ".join(["poolwise", line.split(job, 1)[1].lstrip()])
    main(job if job in JOBS else next(iter(JOBS)), ["-sc", *arguments])
