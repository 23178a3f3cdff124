"""Saved models at work: classes of images, text, files of tensors."""
from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Union

import numpy as np

from . import _header as header
from ._batch import fill_batch
from ._context import Array, Context, Owned, free
from ._library import check, lib, path_bytes

Path = Union[str, "os.PathLike[str]"]


class Guess(NamedTuple):
    """A class that an image may be of."""

    index: int
    name: str
    probability: float


class Predictor(Owned):
    """A saved model (a .safetensors file or a run folder) that classifies images as its task prepares them.

    batch: the most images that `classify_batch` takes."""

    _destroy = "tl_predictor_destroy"

    def __init__(self, context: Context, checkpoint: Path, batch: int = 1) -> None:
        options = header.PredictorOptions(batch=batch)
        super().__init__(context, lib.tl_predictor_create, path_bytes(checkpoint), ctypes.byref(options))

    @property
    def config(self) -> header.ModelConfig:
        return header.ModelConfig.from_buffer_copy(lib.tl_predictor_configuration(self.handle).contents)

    def class_name(self, index: int) -> str:
        return lib.tl_predictor_class_name(self.handle, index).decode(errors="replace")

    def classify(self, image: Any, top: int = 1) -> list[Guess]:
        """The likeliest classes of an image, likeliest first: a file, or 8-bit RGB [height][width][3] of any size."""
        guesses = (header.Guess * top)()
        if isinstance(image, (str, os.PathLike)):
            self.context.call(lib.tl_predictor_classify_file, self.handle, path_bytes(image), top, guesses)
        else:
            pixels = np.ascontiguousarray(image, np.uint8)
            height, width, _ = pixels.shape
            picture = header.Picture(width=width, height=height, pixels=pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
            self.context.call(lib.tl_predictor_classify, self.handle, ctypes.byref(picture), top, guesses)
        return [Guess(g.class_index, self.class_name(g.class_index), g.probability) for g in guesses]

    def classify_batch(self, images: Any, top: int = 1) -> tuple[Array, Array]:
        """Classes and probabilities, each [count][top], of images as the model takes them, [count][channels][height][width]."""
        batch = header.Batch()
        arrays = fill_batch(batch, self.config, images)
        guesses = (header.Guess * (top * batch.count))()
        self.context.call(lib.tl_predictor_classify_batch, self.handle, ctypes.byref(batch), top, guesses)
        del arrays
        return (np.array([g.class_index for g in guesses], np.int64).reshape(-1, top),
                np.array([g.probability for g in guesses]).reshape(-1, top))

    def attention(self, layer: int = -1, head: int = -1) -> Array:
        """Of the image that was classified last, 8-bit RGB [height][width][3]: as the model saw it, and beside it with the class
        token's attention as brightness. layer, head: from 0; -1: the last block, the mean over heads."""
        picture = header.Picture()
        self.context.call(lib.tl_predictor_attention, self.handle, layer, head, ctypes.byref(picture))
        pixels = np.ctypeslib.as_array(picture.pixels, (picture.height, picture.width, 3)).copy()
        free(picture.pixels)
        return pixels


class Tokenizer:
    """A vocabulary: that of a saved model (a .safetensors file or a run folder), or the two files of a BPE."""

    def __init__(self, checkpoint: Path | None = None, *, vocab: Path | None = None, encoder: Path | None = None) -> None:
        self._handle, error = ctypes.c_void_p(), header.Error()
        paths = [None if path is None else path_bytes(path) for path in (checkpoint, vocab, encoder)]
        check(lib.tl_tokenizer_open(*paths, ctypes.byref(self._handle), ctypes.byref(error)), error)

    @property
    def handle(self) -> ctypes.c_void_p:
        return self._handle

    def __len__(self) -> int:
        """The largest id + 1."""
        return lib.tl_tokenizer_size(self._handle)

    @property
    def end_of_text(self) -> int | None:
        """The id between documents, where there is one."""
        token = lib.tl_tokenizer_end_of_text(self._handle)
        return token if token >= 0 else None

    def encode(self, text: str | bytes) -> Array:
        """The ids of a text."""
        data = text.encode() if isinstance(text, str) else text
        ids, count, error = ctypes.POINTER(ctypes.c_int32)(), ctypes.c_size_t(), header.Error()
        check(lib.tl_tokenizer_encode(self._handle, data, len(data), ctypes.byref(ids), ctypes.byref(count), ctypes.byref(error)), error)
        array = np.ctypeslib.as_array(ids, (count.value,)).copy() if count.value else np.empty(0, np.int32)
        free(ids)
        return array

    def decode_bytes(self, ids: Any) -> bytes:
        """The text of ids, byte for byte what was encoded."""
        array = np.ascontiguousarray(ids, np.int32)
        text, size, error = ctypes.c_char_p(), ctypes.c_size_t(), header.Error()
        check(lib.tl_tokenizer_decode(self._handle, array.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)), array.size,
                                      ctypes.byref(text), ctypes.byref(size), ctypes.byref(error)), error)
        data = ctypes.string_at(text, size.value)
        free(text)
        return data

    def decode(self, ids: Any) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode(errors="replace")

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            lib.tl_tokenizer_destroy(self._handle)


def generate(context: Context, checkpoint: Path, prompt: str = "", tokens: int = 100, *, on_token: Callable[[int, bytes], Any] | None = None,
             **options: Any) -> str:
    """Continues a prompt with a saved GPT: the prompt and what was generated.

    on_token: is called with each id and its bytes as they are made, first with -1 and the prompt; False ends it, and what it
        raises is raised.
    options: the other members of `Generation`: temperature (0: the likeliest token), top_k, top_p, seed, vocab, encoder, ..."""
    made, raised = bytearray(), []

    def write(_user: Any, token: int, text: int | None, size: int, error: Any) -> int:
        piece = ctypes.string_at(text, size) if size else b""
        made.extend(piece)
        try:
            if on_token is None or on_token(token, piece) is not False:
                return header.Status.OK
        except BaseException as exception:
            raised.append(exception)
        error.contents.status = header.Status.INTERRUPTED
        return header.Status.INTERRUPTED

    callback = dict(header.Generation._fields_)["write"](write)
    wanted = header.Generation(prompt=prompt, tokens=tokens, write=callback, **options)
    status = lib.tl_generate(context.handle, path_bytes(checkpoint), ctypes.byref(wanted), None)
    if raised:
        raise raised[0]
    if status != header.Status.INTERRUPTED:
        check(status, lib.tl_context_error(context.handle).contents)
    return made.decode(errors="replace")


def tokenize(files: Iterable[Path], out: Path, tokenizer: Tokenizer | None = None, **options: Any) -> header.TokenizeResult:
    """Makes train.bin and val.bin, as the task gpt reads them, of text files.

    tokenizer: of a BPE; None: characters, whose vocabulary becomes chars.json in `out`.
    options: the other members of `TokenizeOptions`: separator, val_fraction, ..."""
    names = [path_bytes(path) for path in files]
    given = header.TokenizeOptions(files=(ctypes.c_char_p * len(names))(*names), file_count=len(names), out=out, **options)
    if tokenizer is not None:
        given.tokenizer = tokenizer.handle
    result, error = header.TokenizeResult(), header.Error()
    check(lib.tl_tokenize(ctypes.byref(given), ctypes.byref(result), ctypes.byref(error)), error)
    return result


def read_tensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """All tensors of a .safetensors file, or of the newest weights in a run folder, as floats, and the file's metadata."""
    file, error = ctypes.c_void_p(), header.Error()
    check(lib.tl_file_open(path_bytes(path), ctypes.byref(file), ctypes.byref(error)), error)
    try:
        tensors, info = {}, header.TensorInfo()
        while lib.tl_file_tensor_at(file, len(tensors), ctypes.byref(info)):
            array = np.empty(tuple(info.shape[: info.rank]), np.float32)
            check(lib.tl_file_read(file, info.name.encode(), 0, array.size, array.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                                   ctypes.byref(error)), error)
            tensors[info.name] = array
        metadata: dict[str, str] = {}
        key, value = ctypes.c_char_p(), ctypes.c_char_p()
        while lib.tl_file_metadata_at(file, len(metadata), ctypes.byref(key), ctypes.byref(value)):
            metadata[key.value.decode()] = value.value.decode(errors="replace")
        return tensors, metadata
    finally:
        lib.tl_file_close(file)
