"""Translution from Python: libtranslution by ctypes, NumPy arrays in and out.

    import numpy, translution as tl

    with tl.Context() as context:
        layer = tl.Layer(context, op="translution", height=7, width=7, batch=32, dim=192, heads=3, head_dim=64)
        o = layer.forward(numpy.zeros((49, 32, 192)))

This package holds no logic of its own: enumerators, structs (`ModelConfig`, `LayerConfig`, ...) and functions are those of
translution.h, which is the manual (`help(translution.LayerConfig)` shows its text); statuses become exceptions with the
library's sentence. docs/library.md of the project is the guide."""
from ._header import *  # noqa: F401, F403  the structs and enumerators of translution.h
from ._header import VERSION as __version__
from ._context import Context, Parameter, Parameters, Tensor, devices
from ._infer import Guess, Predictor, Tokenizer, generate, read_tensors, tokenize
from ._layer import Layer
from ._library import (DeviceError, Error, InputError, Interrupted, NoDeviceError, OutOfMemoryError, UsageError,
                       WriteError)
from ._model import Model
from ._optimizer import Optimizer
from ._trainer import Data, Trainer, default_settings, evaluate
