"""Lightning's Trainer, called from outside: its options checked, its voice lowered, its interruptions passed on."""

from __future__ import annotations

import copy
import difflib
import inspect
import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

from poolwise.core.errors import ConfigError, listed

OURS = {
    "max_epochs": "model.epochs",
    "min_epochs": "model.min_steps",
    "max_steps": "model.max_steps",
    "min_steps": "model.min_steps",
    "max_time": "model.max_steps",
    "barebones": "nothing: it is chosen where possible",
    "fast_dev_run": "model.max_steps",
}
"""Options of Lightning's that are decided here, and what to set instead."""
BARE = frozenset(
    {
        "accelerator",
        "accumulate_grad_batches",
        "benchmark",
        "deterministic",
        "devices",
        "gradient_clip_algorithm",
        "gradient_clip_val",
        "num_nodes",
        "plugins",
        "precision",
        "strategy",
        "sync_batchnorm",
        "use_distributed_sampler",
    }
)
"""Options that go together with `Trainer(barebones=True)`, which saves a third of Lightning's time a step."""
QUIET = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}
INAPPLICABLE = (
    r".*does not have many workers",  # decoding runs in threads of the source
    r"You defined a `validation_step` but have no `val_dataloader`",  # few rounds have validation samples
    r".*isinstance\(treespec, LeafSpec\)",  # Lightning's own use of torch
    r".*GPU available but not used",
    r".*available but not used\. Set `accelerator`",
    r".*Total length of .* across ranks is zero",
    r".*lr_scheduler\.step\(\).* before .*optimizer\.step\(\)",  # half precision skips its first steps
    r".*`train_dataloader` .* is not a .*DataLoader",
    r".*Checkpoint directory .* exists and is not empty",
    r".*The number of training batches .* is smaller than the logging interval",
)
"""Beginnings of warnings that say nothing to our users."""

SMALL_BATCH = 16_384
"""Numbers in a batch up to which one thread is quicker: 64 pictures of 16x16. Digits (8x8) train 2.6 times quicker so."""


def clean_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the Trainer options that are set, checked against the signature of `pytorch_lightning.Trainer`.

    Raises:
        ConfigError: an option that Lightning does not have, or that is decided elsewhere.
    """
    known = [name for name in inspect.signature(pl.Trainer.__init__).parameters if name not in ("self", *OURS)]
    chosen: dict[str, Any] = {}
    for key, value in (options or {}).items():
        if key in OURS:
            raise ConfigError(f"trainer.{key} is decided by the model; set {OURS[key]}.")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has: {listed(known, most=60)}."
            raise ConfigError(f"trainer.{key} is not an option of Lightning's Trainer; {hint}")
        if value is not None and not (key == "callbacks" and not value):
            chosen[key] = value
    return chosen


def build_trainer(options: Mapping[str, Any] | None, *, watched: bool = False, **ours: Any) -> pl.Trainer:
    """Return a Trainer with a user's options and ours; barebones unless something is to be watched.

    Raises:
        ConfigError: what `clean_options` finds, and what Lightning itself refuses (an accelerator that is not there).
    """
    chosen = clean_options(options)
    # a callback remembers; the next round's training is to begin without memories
    ours["callbacks"] = [*copy.deepcopy(list(chosen.pop("callbacks", []))), *ours.get("callbacks", [])]
    bare = not watched and set(chosen) <= BARE
    base: dict[str, Any] = {"barebones": True} if bare else dict(QUIET)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # only lasts when set after the import
    with quiet():
        try:
            trainer = pl.Trainer(**{**base, **chosen, **ours})
        except (
            TypeError,
            ValueError,
            RuntimeError,
        ) as error:  # MisconfigurationException is a RuntimeError or ValueError
            raise ConfigError(f"trainer: Lightning refuses these options: {error}") from error
        except Exception as error:
            if type(error).__name__ != "MisconfigurationException":
                raise
            raise ConfigError(f"trainer: Lightning refuses these options: {error}") from error
    if isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher):
        raise ConfigError(
            "trainer: this strategy starts the whole command once more for each device; "
            "use trainer.strategy=ddp_spawn (or trainer.devices=1)."
        )
    return trainer


def is_watched(options: Mapping[str, Any] | None) -> bool:
    """Return whether the options ask for something that wants logged numbers."""
    chosen = clean_options(options)
    return bool(chosen.get("callbacks")) or bool(chosen.get("logger"))


def is_shared(trainer: pl.Trainer) -> bool:
    """Return whether several processes share the samples, so that Lightning must hand them out."""
    return trainer.world_size > 1 or isinstance(trainer.strategy, (DDPStrategy, FSDPStrategy))


def fit(trainer: pl.Trainer, module: pl.LightningModule, train: Any, validation: Any) -> None:
    """Call `Trainer.fit`, quietly.

    Raises:
        KeyboardInterrupt: as anywhere else; Lightning would leave the process, or return as if all were well.
    """
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    try:
        with quiet():
            trainer.fit(module, train_dataloaders=train, val_dataloaders=validation)
    except SystemExit as leaving:
        if not isinstance(leaving.__context__, KeyboardInterrupt):
            raise
        _listen_again(before)
        raise KeyboardInterrupt from None
    if trainer.interrupted:
        _listen_again(before)
        raise KeyboardInterrupt


def _listen_again(handler: Any) -> None:
    """Let Ctrl-C be heard again: Lightning goes deaf to it once it has heard it."""
    if handler is not None:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Lightning's warnings that do not apply."""
    with warnings.catch_warnings():
        for message in INAPPLICABLE:
            warnings.filterwarnings("ignore", message=message)
        yield


@contextmanager
def switches_kept() -> Iterator[None]:
    """Put torch's process-wide switches back, which a Trainer turns as soon as it is built (`deterministic`, `benchmark`)."""
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    benchmark = torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Start torch's generators from a seed inside; outside they go on as if nothing had been."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def threads_for(numbers: int, device: torch.device) -> Iterator[None]:
    """Use one thread inside for batches of few numbers: handing 8x8 digits to a second one costs more than it saves.

    Args:
        numbers: of one batch of pictures.
        device: only a CPU has threads to choose.
    """
    before = torch.get_num_threads()
    if device.type == "cpu" and numbers <= SMALL_BATCH and before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
