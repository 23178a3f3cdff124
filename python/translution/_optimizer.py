"""Optimizers: AdamW and Lion on the parameters of models and layers."""
from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any

from . import _header as header
from ._context import Context, Owned, Parameter
from ._library import lib


class Optimizer(Owned):
    """AdamW or Lion.

        Optimizer(context, model.parameters, kind="adamw", weight_decay=0.05, grad_clip=1.0)

    parameters: of models or layers made for training, as `model.parameters`, or any of them in a list; names must differ.
    members: of `OptimizerConfig`; what is not named is the optimizer's own."""

    _destroy = "tl_optimizer_destroy"

    def __init__(self, context: Context, parameters: Mapping[str, Parameter] | Iterable[Parameter],
                 config: header.OptimizerConfig | None = None, **members: Any) -> None:
        config = header.OptimizerConfig(**members) if config is None else config
        self._parameters = list(parameters.values() if isinstance(parameters, Mapping) else parameters)  # which must outlive it
        raw = (header.Parameter * len(self._parameters))(*[parameter.raw for parameter in self._parameters])
        super().__init__(context, lib.tl_optimizer_create, ctypes.byref(config), raw, len(raw))

    def step(self, lr: float) -> None:
        """Enqueues a step with the gradients as they are when it runs."""
        self.context.call(lib.tl_optimizer_step, self.handle, lr)

    def report(self) -> header.OptimizerStepReport:
        """Of the last step, which it waits for: the gradient's `norm`, whether it was `skipped`, what was `broken`."""
        report = header.OptimizerStepReport()
        self.context.call(lib.tl_optimizer_report, self.handle, ctypes.byref(report))
        return report

    @property
    def steps(self) -> int:
        return int(lib.tl_optimizer_steps(self.handle))
