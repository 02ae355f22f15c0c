"""From the settings of `poolwise benchmark` to its cells: each composed from conf/loop.yaml by Hydra, as `poolwise loop` is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Display, QueryStrategy
from poolwise.core.parts import TARGET, build_part, conf_dir, construct
from poolwise.jobs.benchmark.cell import CellResult, Heard, run_cell
from poolwise.jobs.benchmark.job import Plan, Task, benchmark_job
from poolwise.jobs.benchmark.lookahead import LookAhead, check_rivals
from poolwise.jobs.benchmark.plan import BOUND, Cell, Choice, Regime, cells, choices, key_of, merged, regimes
from poolwise.jobs.benchmark.plan import settings as loop_settings
from poolwise.jobs.benchmark.settings import BenchmarkConfig
from poolwise.jobs.loop.build import loop_parts
from poolwise.jobs.loop.settings import LoopConfig
from poolwise.jobs.run_folder import check_ledger, ledger_of
from poolwise.jobs.stored import check_folder
from poolwise.jobs.table import register
from poolwise.jobs.trainings.build import find_here
from poolwise.jobs.trust import remember
from poolwise.query.random import Random

OF_THE_BENCHMARK = {
    "seed": "seeds", "seed_size": "regimes", "query_size": "regimes", "budget": "regimes", "control": "strategies",
    "runs": "runs", "run_name": "name", "tracking": "tracking", "ledger": "", "ledger.url": "", "verbose": "",
}  # fmt: skip
"""Settings of the loop that a benchmark sets itself, and by which of its own."""

SPARED = ("compare_batches=false",)
"""Settings of the loop that cost time in each round and change no number here; an override of the same setting stands."""


def plan_of(config: Mapping[str, Any], *, command: str) -> Plan:
    """Return all cells of a benchmark with their configurations.

    Raises:
        ConfigError: names the setting.
    """
    settings: BenchmarkConfig = construct(BenchmarkConfig, dict(config))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=,+-]{0,150}", settings.name):
        raise ConfigError(f"name is {settings.name!r}; it takes letters, digits and . _ = , + - (it names a folder).")
    strategies = choices(settings.strategies, "query", "strategies")
    datasets = choices(settings.datasets, "data", "datasets")
    sizes = regimes(settings.regimes)
    labels = [each.label for each in strategies]
    if settings.reference not in labels:
        raise ConfigError(
            f"reference is {settings.reference!r}, which is none of the strategies {', '.join(labels)}; add it to them, "
            "or name one of them: the others are compared with it."
        )
    if BOUND in labels:
        raise ConfigError(f"{BOUND!r} is the name of the upper bound: upper_bound=true adds it.")
    return Plan(
        name=settings.name,
        folder=Path(settings.runs) / settings.name,
        tasks=tuple(_tasks(settings, strategies, datasets, sizes)),
        regimes=sizes,
        reference=settings.reference,
        jobs=settings.jobs,
        config=dict(config),
        command=command,
    )


def run_benchmark(config: Mapping[str, Any], *, command: str, display: Display) -> int:
    """Run a benchmark and tell the user how it ended; return 1 where a cell failed, else 0."""
    plan = plan_of(config, command=command)
    for task in plan.tasks:
        check_folder(task.folder)
    remember(plan.folder, *(task.config for task in plan.tasks))
    display.say(
        f"benchmark {plan.name}: {len(plan.tasks)} cells, {plan.jobs} at once; stop it at any time, "
        "the same command goes on."
    )
    outcome = benchmark_job(plan, run_task, display)
    if outcome.report:
        display.say(f"report: {outcome.report}")
    if outcome.failures:
        display.warn(f"{len(outcome.failures)} of {len(plan.tasks)} cells failed; the same command tries them again.")
    return int(bool(outcome.failures))


def _tasks(
    settings: BenchmarkConfig, strategies: Sequence[Choice], datasets: Sequence[Choice], sizes: Sequence[Regime]
) -> list[Task]:
    lines = {
        (data.label, each.label): _checked(
            merged(SPARED, loop_settings(settings.overrides, "overrides"), data.overrides, each.overrides)
        )
        for data in datasets
        for each in strategies
    }
    composed = _composed(lines)
    if settings.upper_bound:
        for data in datasets:
            lines[data.label, BOUND] = lines[data.label, settings.reference]
            composed[data.label, BOUND] = composed[data.label, settings.reference]
    names = [each.label for each in strategies] + ([BOUND] if settings.upper_bound else [])
    regime_of = {each.label: each for each in sizes}
    tasks = []
    for cell in cells([each.label for each in datasets], list(regime_of), names, settings.seeds):
        config = _of_cell(composed[cell.dataset, cell.strategy], cell, regime_of[cell.regime], settings)
        task = Task(cell, Path(settings.runs) / settings.name / cell.name, config, _command(lines, cell, config))
        if cell.strategy == BOUND:
            rivals = [
                _of_cell(composed[cell.dataset, each.label], cell, regime_of[cell.regime], settings)["query"]
                for each in strategies
            ]
            task = replace(task, rivals=_not_random(rivals), batches=settings.upper_bound_batches)
            check_rivals(_built(task))
        tasks.append(task)
    return tasks


def _not_random(rivals: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return all but chance: the upper bound draws random batches of its own."""
    chance = f"{Random.__module__}.{Random.__qualname__}"
    return tuple(each for each in rivals if each[TARGET] != chance)


def _built(task: Task) -> tuple[Any, ...]:
    """Return the strategies that the upper bound tries out."""
    trusted = tuple(task.config.get("trusted") or ())
    find_here(trusted)
    return tuple(build_part(dict(each), where="query", trusted=trusted, kind=QueryStrategy) for each in task.rivals)


def _checked(overrides: list[str]) -> list[str]:
    for item in overrides:
        key = key_of(item)
        if key in OF_THE_BENCHMARK or key.startswith(("tracking.", "ledger.")):
            own = OF_THE_BENCHMARK.get(key) or ("tracking" if key.startswith("tracking.") else "")
            hint = f"use `{own}`" if own else "leave it out"
            raise ConfigError(f"{item!r} sets what the benchmark itself sets for each cell; {hint}.")
    return overrides


def _composed(lines: Mapping[tuple[str, str], list[str]]) -> dict[tuple[str, str], Any]:
    """Return the loop's configuration of each data set and strategy, not resolved: seed and sizes are still to come."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException

    # On the command line Hydra is at work already, and with it the user's own --config-dir.
    ready = GlobalHydra.instance().is_initialized()
    register("loop")
    configs = {}
    with nullcontext() if ready else initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for (data, strategy), overrides in lines.items():
            try:
                configs[data, strategy] = compose("loop", overrides)
            except HydraException as error:
                raise ConfigError(f"{strategy} on {data} ({' '.join(overrides)}): {_short(error)}") from error
    return configs


def _short(error: Exception) -> str:
    """Return the line that says what is wrong; Hydra's come with the search path."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _of_cell(composed: Any, cell: Cell, regime: Regime, settings: BenchmarkConfig) -> dict[str, Any]:
    """Return the whole resolved configuration of one cell."""
    from omegaconf import OmegaConf

    for key, value in (
        ("seed", cell.seed), ("seed_size", regime.seed_size), ("query_size", regime.query_size),
        ("budget", regime.budget), ("control", False), ("verbose", False), ("run_name", cell.name),
        ("runs", str(Path(settings.runs) / settings.name)),
    ):  # fmt: skip
        composed[key] = value
    plain = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(plain, dict)
    config = {str(key): value for key, value in plain.items()}
    config["tracking"] = _tracking(settings)
    construct(LoopConfig, config)
    return config


def _tracking(settings: BenchmarkConfig) -> dict[str, Any]:
    """Return the tracking as configured, an experiment a benchmark, without sending hundreds of networks unasked."""
    tracking = dict(settings.tracking)
    if "experiment" in tracking:
        tracking["experiment"] = f"{tracking['experiment']}/{settings.name}"
    if "log_model" in tracking:
        tracking["log_model"] = settings.log_models
    return tracking


def _command(lines: Mapping[tuple[str, str], list[str]], cell: Cell, config: Mapping[str, Any]) -> str:
    """Return a loop command that goes on with the cell by itself; of the upper bound, only the benchmark can."""
    if cell.strategy == BOUND:
        return "poolwise benchmark upper_bound=true"
    own = [f"{key}={config[key]}" for key in ("seed", "seed_size", "query_size", "budget", "runs", "run_name")]
    return shlex.join(["poolwise", "loop", *lines[cell.dataset, cell.strategy], *own, "control=false"])


def run_task(task: Task) -> CellResult:
    """Build the parts of a cell and run it; called in a process of its own, whose libraries have one thread each.

    Whatever the number of jobs: the last bits of a network's sums depend on the threads, and in time the picks.
    """
    import torch

    torch.set_num_threads(1)
    find_here(tuple(task.config.get("trusted") or ()))
    cell = task.cell
    parts = loop_parts(
        task.config, name=cell.name, method=cell.strategy, command=task.command, display=Heard(),
        folder=task.folder,
    )[0]  # fmt: skip
    if cell.strategy == BOUND:
        bound = LookAhead(_built(task), parts.images, parts.learner, parts.annotator, task.batches, task.folder)
        parts = replace(parts, strategy=bound)
    check_ledger(parts)
    ledger = ledger_of(task.config, task.folder).open()
    try:
        return run_cell(cell, parts, ledger)
    finally:
        ledger.close()
