"""Contexts, tensors and layers, against the reference's numbers."""
import ctypes
import ctypes.util
import gc
import tempfile
import unittest
from pathlib import Path

import golden
import numpy as np

import translution as tl

BATCH, ROLES = 2, {"q": tl.Role.Q, "k": tl.Role.K, "v": tl.Role.V}
CASES = ["op2d_attn", "op2d_rope_attn", "op2d_qkv", "op2d_kv", "op2d_lor_qkv", "op2d_lor_rope_v", "op1d_attn", "op1d_qkv", "op1d_lor_qk"]
OPS = {"attn": "attention", "full": "translution", "lor": "alpha"}
# The reference's names of a layer's parameters.
NAMES = {"q": "to_q.unique_params", "k": "to_k.unique_params", "v": "to_v.unique_params"}
ALPHA_NAMES = {"q": "to_q2.unique_params", "k": "to_k2.unique_params", "v": "to_v2.unique_params", "a_q": "to_q1.weight",
               "a_k": "to_k1.weight", "a_v": "to_v1.weight", "v3": "to_v3.weight"}


class Golden(unittest.TestCase):
    def check(self, name):
        arrays, spec = golden.read(name)
        dims, cls = spec["geom"][1:], spec["geom"][0] == "2d"
        relative = spec.get("variant", "") if spec["kind"] != "attn" else ""
        with tl.Context() as context:
            layer = tl.Layer(context, op=OPS[spec["kind"]], height=dims[0] if cls else 1, width=dims[-1], cls=cls, causal=not cls,
                             batch=BATCH, dim=12, heads=spec["heads"], head_dim=spec["dim_head"], relenc_dim=spec["relenc"],
                             relative=sum(ROLES[r] for r in relative), positions="rope" if spec.get("rope") else "none")
            stored = {}
            for key, parameter in layer.parameters.items():
                known = ALPHA_NAMES if spec["kind"] == "lor" else NAMES
                if key not in known:  # the roles that share a projection: to_qkv.weight, to_q.weight, ...
                    left = [k for k in arrays if k.startswith("to_") and k.endswith(".weight")
                            and not k.startswith("to_out") and k not in known.values()]
                    self.assertEqual(len(left), 1, left)
                stored[key] = known.get(key) or left[0]
                parameter.value.write(arrays[stored[key]])
            swapped = {key: arrays[f"inter.{key}"].swapaxes(0, 1) for key in ("xn", "o", "d_o", "d_xn")}
            golden.assert_close(self, f"{name}: o", layer.forward(swapped["xn"]), swapped["o"])
            golden.assert_close(self, f"{name}: dx", layer.backward(swapped["d_o"]), swapped["d_xn"])
            for key, parameter in layer.parameters.items():
                golden.assert_close(self, f"{name}: {key}", parameter.gradient.numpy(), arrays[f"grad.{stored[key]}"])

    def test_layers_match_the_reference(self):
        for name in CASES:
            with self.subTest(name):
                self.check(name)

    def test_a_wrong_parameter_shows(self):
        write = tl.Tensor.write
        try:
            tl.Tensor.write = lambda tensor, values: write(tensor, np.asarray(values) * 1.001)
            with self.assertRaises(AssertionError):
                self.check("op2d_qkv")
        finally:
            tl.Tensor.write = write


class Objects(unittest.TestCase):
    def setUp(self):
        self.context = tl.Context()
        self.addCleanup(self.context.close)

    def test_tensors_keep_their_values(self):
        values = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
        tensor = self.context.tensor(values)
        self.assertEqual(tensor.shape, (2, 3, 4))
        np.testing.assert_array_equal(np.asarray(tensor), values)
        tensor.write(values[::-1])
        out = np.empty((2, 3, 4), np.float32)
        self.assertIs(tensor.numpy(out), out)
        np.testing.assert_array_equal(out, values[::-1])
        np.testing.assert_array_equal(self.context.tensor(shape=(5,)), np.zeros(5))
        with self.assertRaisesRegex(tl.UsageError, r"\(2, 3\): \(2, 3, 4\) is needed"):
            tensor.write(np.zeros((2, 3)))
        with self.assertRaisesRegex(tl.UsageError, "float64"):
            tensor.numpy(np.empty((2, 3, 4)))

    def test_tensors_are_freed_when_nobody_holds_them(self):
        before = self.context.memory_used()
        tensor = self.context.tensor(shape=(1000,))
        self.assertEqual(self.context.memory_used() - before, 4000)
        self.assertGreaterEqual(self.context.memory_peak, 4000)
        del tensor
        gc.collect()
        self.context.finish()
        self.assertEqual(self.context.memory_used(), before)

    def test_a_layer_lives_as_long_as_its_parameters(self):
        shape = dict(op="attention", height=1, width=4, batch=1, dim=8, heads=2, head_dim=4)
        value = tl.Layer(self.context, **shape).parameters["qkv"].value
        gc.collect()
        self.context.finish()
        self.assertGreater(float(np.abs(value).max()), 0)
        same = tl.Layer(self.context, **shape).parameters["qkv"].value
        other = tl.Layer(self.context, seed=1, **shape).parameters["qkv"].value
        np.testing.assert_array_equal(value, same)
        self.assertGreater(float(np.abs(value.numpy() - other.numpy()).max()), 0)

    def test_tensors_in_tensors_out(self):
        layer = tl.Layer(self.context, op="alpha", height=2, width=2, batch=3, dim=8, heads=2, head_dim=4, relenc_dim=2)
        x = np.random.default_rng(0).random((4, 3, 8), np.float32)
        o = layer.forward(self.context.tensor(x))
        self.assertIsInstance(o, tl.Tensor)
        np.testing.assert_array_equal(o, layer.forward(x))
        dx = self.context.tensor(shape=(4, 3, 8))
        self.assertIs(layer.backward(o, out=dx), dx)
        np.testing.assert_array_equal(dx, layer.backward(o.numpy()))

    def test_batches_and_lengths_vary(self):
        shape = dict(op="translution", height=1, width=5, causal=True, batch=2, dim=8, heads=2, head_dim=4)
        layer = tl.Layer(self.context, **shape)
        x = np.random.default_rng(1).random((5, 2, 8), np.float32)
        whole = layer.forward(x)
        layer.set_batch(1, 3)
        o = layer.forward(x[:3, :1])
        np.testing.assert_allclose(o, whole[:3, :1], atol=1e-5)
        self.assertEqual(layer.backward(o).shape, (3, 1, 8))
        with self.assertRaisesRegex(tl.UsageError, r"\(3, 1, 8\) is needed"):
            layer.forward(x)
        with self.assertRaisesRegex(tl.UsageError, "a batch of 3 does not fit a layer made for 1 to 2"):
            layer.set_batch(3)
        layer.set_batch()
        np.testing.assert_array_equal(layer.forward(x), whole)
        cached = tl.Layer(self.context, inference=True, kv_cache=True, **shape)
        for first, end in ((0, 2), (2, 3), (3, 5)):
            cached.set_batch(tokens=end, first=first)
            np.testing.assert_allclose(cached.forward(x[first:end]), whole[first:end], atol=1e-5)

    def test_files_hold_the_parameters(self):
        shape = dict(op="alpha", height=2, width=2, batch=1, dim=8, heads=2, head_dim=4, relenc_dim=2)
        one, two = tl.Layer(self.context, seed=1, **shape), tl.Layer(self.context, seed=2, **shape)
        x = np.random.default_rng(2).random((4, 1, 8), np.float32)
        self.assertFalse(np.array_equal(two.forward(x), one.forward(x)))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "layer.safetensors"
            one.save(path)
            two.load(path)
            np.testing.assert_array_equal(two.forward(x), one.forward(x))
            with self.assertRaisesRegex(tl.InputError, "layer.safetensors"):
                tl.Layer(self.context, **{**shape, "op": "attention"}).load(path)

    def test_errors_are_exceptions_with_the_library_s_sentence(self):
        layer = dict(op="translution", height=2, width=2, batch=1, dim=8, heads=2, head_dim=4)
        with self.assertRaisesRegex(tl.UsageError, "heads") as caught:
            tl.Layer(self.context, **{**layer, "heads": 0})
        self.assertEqual(caught.exception.status, tl.Status.ERROR_USAGE)
        self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaisesRegex(ValueError, "transluton.*one of attention, translution, alpha"):
            tl.LayerConfig(op="transluton")
        with self.assertRaisesRegex(AttributeError, "LayerConfig has no member length"):
            tl.LayerConfig(length=2)
        with self.assertRaisesRegex(TypeError, "LayerConfig.dim"):
            tl.LayerConfig(dim="wide")
        with self.assertRaisesRegex(tl.UsageError, "backward comes after forward"):
            tl.Layer(self.context, **layer).backward(np.zeros((4, 1, 8)))
        with self.assertRaisesRegex(tl.UsageError, "no-such-device"):
            tl.Context("no-such-device")
        with self.assertRaises(tl.OutOfMemoryError):
            tl.Context(memory_limit=1000).tensor(shape=(1000,))
        other = tl.Context()
        with self.assertRaisesRegex(tl.UsageError, "context"):
            other.call(tl._library.lib.tl_tensor_read, self.context.tensor(shape=(1,)).handle, 0, 1, np.zeros(1).ctypes.data)
        other.close()
        with self.assertRaisesRegex(tl.UsageError, "closed"):
            other.finish()

    def test_messages_go_to_the_log(self):
        lines = []
        context = tl.Context(log=lambda level, line: lines.append((level, line)), profile=True)
        tl.Layer(context, op="attention", height=1, width=4, batch=1, dim=8, heads=2, head_dim=4)
        context.close()
        self.assertTrue(all(isinstance(level, tl.LogLevel) and line for level, line in lines))

    def test_devices_are_listed(self):
        usable = [device for device in tl.devices() if device.usable]
        self.assertIn(self.context.device.name, [device.name for device in usable])
        self.assertIsInstance(usable[0].type, tl.DeviceType)


class Adopted(unittest.TestCase):
    """A program's own OpenCL objects, as PyOpenCL's int_ptr gives them; here by OpenCL's C functions."""

    def setUp(self):
        self.cl = cl = ctypes.CDLL("libOpenCL.so.1")
        info, error = tl.Context().device, ctypes.c_int()
        cl.clCreateContext.restype = cl.clCreateCommandQueue.restype = cl.clCreateBuffer.restype = ctypes.c_void_p
        cl.clCreateCommandQueue.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p]
        cl.clCreateBuffer.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
        self.unified = info.unified_memory
        device = ctypes.c_void_p(info.device_id)
        self.cl_context = cl.clCreateContext(None, 1, ctypes.byref(device), None, None, ctypes.byref(error))
        self.queue = cl.clCreateCommandQueue(self.cl_context, info.device_id, 0, None)
        self.assertTrue(self.cl_context and self.queue)

    def test_a_tensor_can_share_an_array_s_memory(self):
        use_host_ptr, read_write = 1 << 3, 1 << 0
        room = np.zeros(4 * 8 + 32, np.float32)  # the array begins at a multiple of 128 bytes
        start = -room.ctypes.data % 128 // 4
        array = room[start:start + 32].reshape(4, 1, 8)
        buffer = self.cl.clCreateBuffer(self.cl_context, read_write | use_host_ptr, array.nbytes, array.ctypes.data, None)
        self.assertTrue(buffer)
        context = tl.Context.adopt(self.cl_context, self.queue)
        shared = tl.Tensor.adopt(context, buffer, (4, 1, 8))
        layer = tl.Layer(context, op="attention", height=1, width=4, batch=1, dim=8, heads=2, head_dim=4)
        x = context.tensor(np.random.default_rng(1).random((4, 1, 8)))
        self.assertIs(layer.forward(x, out=shared), shared)
        context.finish()
        self.assertGreater(float(np.abs(shared).max()), 0)
        if self.unified:
            np.testing.assert_array_equal(array, shared.numpy())
            array[:] = 7  # what the host writes, the device reads
            np.testing.assert_array_equal(shared, np.full((4, 1, 8), 7))
        context.close()


if __name__ == "__main__":
    unittest.main()
