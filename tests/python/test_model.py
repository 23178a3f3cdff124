"""Models against the reference's numbers, and what a program does with one."""
import tempfile
import unittest
from pathlib import Path

import golden
import numpy as np

import translution as tl

CASES = {"vit_attn": "attention", "vit_qkv": "translution", "vit_lor_qkv": "alpha", "vit_qkv_hybrid1": "translution",
         "gpt_attn": "attention", "gpt_qkv": "translution", "gpt_lor_qkv": "alpha"}


def members(name):
    return dict(arch=name[:3], op=CASES[name], image_height=12, image_width=12, channels=1, patch_height=4, patch_width=4, classes=5,
                seq_len=7, vocab_size=23, dim=12, depth=2, heads=3, head_dim=4, mlp_dim=24, relenc_dim=2,
                translution_layers=1 if "hybrid" in name else 0)


def softmax_gradient(logits, targets):
    """Of the mean cross-entropy, in NumPy: a loss of one's own."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return (p - np.eye(p.shape[-1])[targets]) / targets.size


class WithContext(unittest.TestCase):
    def setUp(self):
        self.context = tl.Context()
        self.addCleanup(self.context.close)

    def model(self, name, arrays=None, **options):
        """The golden model of that name, with its values."""
        model = tl.Model(self.context, batch=3, **{"training": True, **members(name), **options})
        for key, parameter in model.parameters.items():
            if arrays is not None:
                parameter.value.write(arrays[key])
        return model


class Golden(WithContext):
    def test_models_match_the_reference(self):
        for name in CASES:
            with self.subTest(name):
                arrays, _ = golden.read(name)
                model = self.model(name, arrays)
                model.forward(arrays["data"], arrays["target"])
                golden.assert_close(self, f"{name}: logits", model.logits(), arrays["logits"])
                self.assertAlmostEqual(model.loss(), float(arrays["loss"][0]), delta=1e-5)
                model.backward()
                for key, parameter in model.parameters.items():
                    golden.assert_close(self, f"{name}: {key}", parameter.gradient.numpy(), arrays[f"grad.{key}"])

    def test_a_loss_of_one_s_own_gives_the_same_gradients(self):
        for name in ("vit_qkv", "gpt_lor_qkv"):
            with self.subTest(name):
                arrays, _ = golden.read(name)
                model = self.model(name, arrays)
                model.forward(arrays["data"])
                model.backward(softmax_gradient(model.logits(), arrays["target"]))
                for key, parameter in model.parameters.items():
                    golden.assert_close(self, f"{name}: {key}", parameter.gradient.numpy(), arrays[f"grad.{key}"])


class Objects(WithContext):
    def test_the_batch_may_vary(self):
        arrays, _ = golden.read("vit_attn")
        model = self.model("vit_attn", arrays, training=False)
        for rows in (slice(0, 3), slice(0, 1), slice(1, 3)):
            model.forward(arrays["data"][rows])
            golden.assert_close(self, str(rows), model.logits(), arrays["logits"][rows])
        with self.assertRaisesRegex(tl.UsageError, "3"):
            model.forward(np.zeros((4, 1, 12, 12)))
        self.assertIsNone(model.parameters["mlp_head.bias"].gradient)
        with self.assertRaises(tl.UsageError):
            model.backward(np.zeros((2, 5)))

    def test_images_and_gradients_may_stay_on_the_device(self):
        arrays, _ = golden.read("vit_qkv")
        model = self.model("vit_qkv", arrays)
        model.forward(self.context.tensor(arrays["data"]))
        logits = model.logits_tensor()
        np.testing.assert_array_equal(logits, model.logits())
        model.backward(self.context.tensor(softmax_gradient(logits.numpy(), arrays["target"])))
        golden.assert_close(self, "bias", model.parameters["mlp_head.bias"].gradient.numpy(), arrays["grad.mlp_head.bias"])
        with self.assertRaisesRegex(tl.UsageError, r"\(3, 1, 12, 12\) is needed"):
            model.forward(self.context.tensor(shape=(3, 1, 12, 13)))

    def test_soft_targets_are_weights_of_the_classes(self):
        arrays, _ = golden.read("vit_qkv")
        model = self.model("vit_qkv", arrays)
        model.forward(arrays["data"], np.eye(5)[arrays["target"]])
        self.assertAlmostEqual(model.loss(), float(arrays["loss"][0]), delta=1e-5)

    def test_a_saved_model_is_the_same(self):
        arrays, _ = golden.read("gpt_qkv")
        model = self.model("gpt_qkv", arrays)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            model.save(path)
            opened = tl.Model.open(self.context, path, batch=3)
            other = self.model("gpt_qkv", seed=7)
            other.load(path)
            with self.assertRaisesRegex(tl.InputError, "model.safetensors"):
                self.model("gpt_attn").load(path)
        self.assertEqual(opened.config.op, tl.OpKind.TRANSLUTION)
        self.assertEqual(opened.config.seq_len, 7)
        for each in (opened, other):
            each.forward(arrays["data"])
            model.forward(arrays["data"])
            np.testing.assert_array_equal(each.logits(), model.logits())

    def test_a_kv_cache_gives_the_same_logits(self):
        arrays, _ = golden.read("gpt_qkv")
        model = self.model("gpt_qkv", arrays, training=False, kv_cache=True)
        model.forward(arrays["data"][:, :4])
        model.forward(arrays["data"][:, 4:], first=4)
        golden.assert_close(self, "later logits", model.logits(), arrays["logits"][:, 4:])

    def test_wrong_arrays_are_refused(self):
        model = self.model("vit_attn")
        with self.assertRaisesRegex(tl.UsageError, r"shape \(3, 12, 12\): \(3, 1, 12, 12\) is needed"):
            model.forward(np.zeros((3, 12, 12)))
        with self.assertRaisesRegex(tl.UsageError, r"targets have shape \(2,\): \(3,\) is needed"):
            model.forward(np.zeros((3, 1, 12, 12)), [0, 1])
        with self.assertRaisesRegex(tl.InputError, "5"):
            model.forward(np.zeros((1, 1, 12, 12)), [5])
        with self.assertRaisesRegex(tl.UsageError, r"tokens have shape \(7,\)"):
            self.model("gpt_attn").forward(np.zeros(7))
        with self.assertRaises(tl.UsageError):
            model.logits()


if __name__ == "__main__":
    unittest.main()
