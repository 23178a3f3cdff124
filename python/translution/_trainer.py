"""Training runs, on the program's data sets or on your own."""
from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import _header as header
from ._batch import fill_batch
from ._context import Array, Context, Owned
from ._library import Interrupted, UsageError, lib, path_bytes

Fill = Callable[[header.BatchRequest, Array], tuple[Any, Any]]


def default_settings(task: str, **parts: Mapping[str, Any]) -> header.Settings:
    """The settings of a task ("mnist", "vit", "gpt"; "own-vit", "own-gpt" for your own data) as the program has them, but
    for the members that are given of its parts `model`, `training` and `run`:

        default_settings("own-vit", model={"op": "translution", "classes": 4}, run={"out": "runs/mine"})"""
    settings = header.Settings()
    if not lib.tl_settings_default(ctypes.byref(settings), task.encode()):
        raise UsageError(f"there is no task {task}")
    for part, members in parts.items():
        for name, value in members.items():
            setattr(getattr(settings, part), name, value)
    return settings


class Data:
    """Your own data for a `Trainer`.

    fill: is called with a `BatchRequest` (set, step, epoch, ...) and the numbers of its samples in their set, and returns
        (inputs, targets), with the shapes that `Model.forward` has. A pure function of its arguments: a resumed run asks
        for the same batches again.
    samples, test_samples: of the training set (an epoch) and of the test set (0: none).
    shuffle: each epoch in an order of its own, drawn from training.seed.
    identity: a short text that names the data: a run is resumed on data of the same identity only.
    labels: names of the classes, a JSON array of strings, kept in checkpoints."""

    def __init__(self, fill: Fill, samples: int, test_samples: int = 0, shuffle: bool = True, identity: str | None = None,
                 labels: str | None = None) -> None:
        self.fill = fill
        self.members = {"samples": samples, "test_samples": test_samples, "shuffle": shuffle, "identity": identity, "labels": labels}

    @classmethod
    def of_arrays(cls, inputs: Any, targets: Any, test_inputs: Any = None, test_targets: Any = None, **options: Any) -> Data:
        """Arrays in memory, a sample a row."""
        sets = {header.Set.TRAIN: (np.asarray(inputs), np.asarray(targets)),
                header.Set.TEST: (np.asarray(test_inputs), np.asarray(test_targets))}
        return cls(lambda request, rows: tuple(array[rows] for array in sets[request.set]), len(inputs),
                   0 if test_inputs is None else len(test_inputs), **options)


class _Callbacks:
    """The library calls these while a run is created or runs: what they raise is raised when it returns."""

    def __init__(self, settings: header.Settings, fill: Fill | None, on_step: Any, on_evaluation: Any) -> None:
        self.model = header.ModelConfig.from_buffer_copy(settings.model)
        self.fill, self.told = fill, {"on_step": on_step, "on_evaluation": on_evaluation}
        self.raised: BaseException | None = None
        self.stop = ctypes.c_int(0)
        self.arrays: list[Array] = []  # of the last batch: the library reads them until the next call

    def tell(self, name: str) -> Any:
        """The C callback of a Python one, or of none: there, too, Python sees Ctrl-C."""
        def told(_user: Any, what: Any) -> bool:
            try:
                return self.told[name] is None or self.told[name](what.contents) is not False
            except BaseException as exception:
                self.raised = exception
                return False
        return dict(header.Hooks._fields_)[name](told)

    def fill_from(self, request: header.BatchRequest, batch: header.Batch) -> None:
        rows = np.ctypeslib.as_array(request.samples, (request.count,)).astype(np.int64)
        self.arrays = fill_batch(batch, self.model, *self.fill(request, rows))

    def filler(self) -> Any:
        def fill(_user: Any, request: Any, batch: Any, error: Any) -> int:
            try:
                try:
                    self.fill_from(request.contents, batch.contents)
                except KeyboardInterrupt:  # the run ends after this step, which needs its batch
                    self.stop.value = signal.SIGINT
                    self.fill_from(request.contents, batch.contents)
                return header.Status.OK
            except BaseException as exception:
                self.raised = exception
                error.contents.status = header.Status.ERROR_INPUT
                error.contents.text = f"{type(exception).__name__}: {exception}"[:500]
                return header.Status.ERROR_INPUT
        return dict(header.Data._fields_)["fill"](fill)

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """`function`; then raises what a callback has raised."""
        try:
            function(*arguments)
        except Interrupted:
            if self.raised is None:
                raise KeyboardInterrupt from None
        finally:
            raised, self.raised, self.stop.value = self.raised, None, 0
            if raised is not None:
                raise raised


class Trainer(Owned):
    """A training run: model, optimizer, data and run folder.

    settings: made by `default_settings`; copied. `trainer.settings` is what they were completed to.
    data: your own data, for the tasks "own-vit" and "own-gpt".
    on_step, on_evaluation: are told of every `Step` and `Evaluation`; one that returns False ends the run after saving,
        one that raises does so, too, and `run` raises it. They may not call the trainer or its context.
    progress: the program's progress line on standard error."""

    _destroy = "tl_trainer_destroy"

    def __init__(self, context: Context, settings: header.Settings, data: Data | None = None,
                 on_step: Callable[[header.Step], Any] | None = None,
                 on_evaluation: Callable[[header.Evaluation], Any] | None = None, progress: bool = False) -> None:
        self._callbacks = _Callbacks(settings, data and data.fill, on_step, on_evaluation)
        hooks = header.Hooks(stop=ctypes.pointer(self._callbacks.stop), on_step=self._callbacks.tell("on_step"),
                             on_evaluation=self._callbacks.tell("on_evaluation"))
        if progress:
            hooks.progress = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr").value
        own = data and header.Data(fill=self._callbacks.filler(), **data.members)
        config = header.TrainerConfig(settings=ctypes.pointer(settings), hooks=ctypes.pointer(hooks))
        if own is not None:
            config.data = ctypes.pointer(own)
        self._keep = hooks, own  # with the C callbacks and the texts in them
        self._callbacks.call(super().__init__, context, lib.tl_trainer_create, ctypes.byref(config))

    @property
    def settings(self) -> header.Settings:
        """As completed: batch size, positions, what the data determine of the model."""
        return header.Settings.from_buffer_copy(lib.tl_trainer_settings(self.handle).contents)

    def run(self) -> header.Result:
        """Trains to the end, or until stopped: then a second call goes on. Ctrl-C raises when the run is saved."""
        result = header.Result()
        self._callbacks.call(self.context.call, lib.tl_trainer_run, self.handle, ctypes.byref(result))
        return result


def evaluate(context: Context, checkpoint: str | os.PathLike[str], settings: header.Settings | None = None) -> header.Result:
    """Scores of a checkpoint (a .safetensors file or a run folder) on the test sets of its task.

    settings: where the data are (`run.data`) and how much of them is used; completed to the checkpoint's."""
    result = header.Result()
    if settings is None:
        settings = default_settings("mnist", training={"batch_size": 0, "test_motion": -1})
    context.call(lib.tl_evaluate, path_bytes(checkpoint), ctypes.byref(settings), None, ctypes.byref(result))
    return result
