"""Hydra's command line for one job: composition, help, completion and sweeps are Hydra's own."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from poolwise.core.parts import conf_dir

JOBS = ("loop", "audit", "compare", "samplesize", "benchmark")


def main(job: str, arguments: Sequence[str]) -> None:
    """Run a job with Hydra's arguments (overrides and flags), as `poolwise <job>` does."""
    import hydra
    from omegaconf import OmegaConf

    if job == "samplesize":
        arguments = [_as_points(word) for word in arguments]
    sys.argv = [sys.argv[0], *arguments]
    OmegaConf.register_new_resolver("parts", parts, replace=True)

    @hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=job)
    def task(config: Any) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from poolwise.app.cli import INTERRUPTED, guarded

        hydra_config = HydraConfig.get()
        sweep = hydra_config.mode is RunMode.MULTIRUN
        choices = {str(name): str(choice) for name, choice in hydra_config.runtime.choices.items()}

        def work() -> None:
            plain, overrides = OmegaConf.to_container(config, resolve=True), list(hydra_config.overrides.task)
            if job == "benchmark":
                benchmark(plain, overrides)
            elif job == "samplesize":
                samplesize(plain, choices, overrides, sweep)
            elif job in named:
                named[job](plain, choices, overrides)
            else:
                run(job, plain, choices, overrides, sweep)

        try:
            guarded(work)
        except SystemExit as ended:
            if not sweep or ended.code == INTERRUPTED:
                raise
            failed.append(hydra_config.job.num)  # the other jobs of a sweep still run

    named = {"audit": audit, "compare": compare}
    failed: list[int] = []
    task()
    if failed:
        sys.stderr.write(f"error: {len(failed)} jobs of the sweep failed: {', '.join(map(str, failed))}\n")
        sys.exit(1)


def parts(job: str) -> str:
    """Return the groups of parts that a job takes with their choices, a line each, for its help; those of --config-dir too.

    >>> parts("samplesize").splitlines()[-1]
    'tracking: mlflow, none'
    """
    import yaml
    from hydra.core.global_hydra import GlobalHydra

    job = "loop" if job == "benchmark" else job  # its cells are loops
    defaults = yaml.safe_load((conf_dir() / f"{job}.yaml").read_text(encoding="utf-8"))["defaults"]
    groups = [name for entry in defaults if isinstance(entry, dict) for name in entry if "hydra/" not in name]
    found = {group: sorted(file.stem for file in (conf_dir() / group).glob("*.yaml")) for group in groups}
    if GlobalHydra.instance().is_initialized():
        found = {group: GlobalHydra.instance().config_loader().get_group_options(group) for group in groups}
    return "\n".join(f"{group}: {', '.join(names)}" for group, names in found.items())


def run(job: str, config: Any, choices: dict[str, str], overrides: list[str], sweep: bool = False) -> None:
    """Build the parts of a job and run it."""
    from poolwise.app.run import run_config
    from poolwise.core.parts import construct
    from poolwise.jobs.loop.build import run_name
    from poolwise.jobs.loop.settings import LoopConfig
    from poolwise.jobs.trainings.build import find_here

    settings = construct(LoopConfig, dict(config))
    find_here(settings.trusted)
    name = settings.run_name or run_name(choices, overrides, settings.seed, sweep=sweep)
    command = shlex.join(["poolwise", job, *overrides])
    run_config(config, name=name, strategy=choices.get("query", ""), command=command)


def benchmark(config: Any, overrides: list[str]) -> None:
    """Run a benchmark; a failed cell is told at the end, and by the exit status."""
    from poolwise.app.run import run_benchmark

    if run_benchmark(config, command=shlex.join(["poolwise", "benchmark", *overrides])).failures:
        sys.exit(1)


def audit(config: Any, choices: dict[str, str], overrides: list[str]) -> None:
    """Run an audit, new or from where it stands."""
    from poolwise.app.run import run_audit
    from poolwise.core.parts import construct
    from poolwise.jobs.audit.build import audit_name
    from poolwise.jobs.audit.settings import AuditConfig
    from poolwise.jobs.trainings.build import find_here

    settings = construct(AuditConfig, dict(config))
    find_here(settings.trusted)
    name = settings.run_name or audit_name(choices, overrides, settings.seed)
    run_audit(
        config, name=name, method=choices.get("label_error", ""), command=shlex.join(["poolwise", "audit", *overrides])
    )


def compare(config: Any, choices: dict[str, str], overrides: list[str]) -> None:
    """Run a comparison of cleaned with raw labels, new or from where it stands."""
    from poolwise.app.run import run_compare
    from poolwise.core.parts import construct
    from poolwise.jobs.compare.build import compare_name
    from poolwise.jobs.compare.settings import CompareConfig
    from poolwise.jobs.trainings.build import find_here

    settings = construct(CompareConfig, dict(config))
    find_here(settings.trusted)
    name = settings.run_name or compare_name(choices, overrides)
    run_compare(
        config, name=name, method=choices.get("pruning", ""), command=shlex.join(["poolwise", "compare", *overrides])
    )


def samplesize(config: Any, choices: dict[str, str], overrides: list[str], sweep: bool = False) -> None:
    """Run a sample-size experiment, new or from where it stands."""
    from poolwise.app.run import run_samplesize
    from poolwise.core.parts import construct
    from poolwise.jobs.samplesize.build import samplesize_name
    from poolwise.jobs.samplesize.settings import SampleSizeConfig
    from poolwise.jobs.trainings.build import find_here

    settings = construct(SampleSizeConfig, dict(config))
    find_here(settings.trusted)
    name = settings.run_name or samplesize_name(choices, overrides, settings.seed, sweep=sweep)
    run_samplesize(
        config, name=name, method=choices.get("model", ""), command=shlex.join(["poolwise", "samplesize", *overrides])
    )


def _as_points(word: str) -> str:
    """`data` names a data set; a CSV file given as such is meant as points.

    >>> _as_points("data=mine/points.csv"), _as_points("data=digits")
    ('points=mine/points.csv', 'data=digits')
    """
    return f"points={word[5:]}" if word.startswith("data=") and word.lower().endswith(".csv") else word


def complete(arguments: Sequence[str]) -> None:
    """Shell completion: our own words first, Hydra's after a job's name."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()
    job = words[1] if len(words) > 1 else ""
    if arguments[:1] == ["query=bash"] or any(word.startswith("query=") for word in arguments):
        if job not in JOBS or (len(words) == 2 and not line.endswith(" ")):
            from poolwise.app.cli import COMMANDS

            sys.stdout.write(" ".join(name for name in COMMANDS if name.startswith(job)) + "\n")
            return
        os.environ["COMP_LINE"] = " ".join(["poolwise", line.split(job, 1)[1].lstrip()])
    main(job if job in JOBS else JOBS[0], ["-sc", *arguments])
