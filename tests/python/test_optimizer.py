"""Optimizers against the reference's three AdamW steps, and what a loop of one's own does."""
import unittest

import golden
import numpy as np
from test_model import WithContext

import translution as tl


class Steps(WithContext):
    def test_three_steps_match_the_reference(self):
        for name in ("vit_qkv", "gpt_lor_qkv"):
            with self.subTest(name):
                arrays, _ = golden.read(name)
                model = self.model(name, arrays)
                optimizer = tl.Optimizer(self.context, model.parameters, kind="adamw", weight_decay=0.05)
                for _ in range(3):
                    model.forward(arrays["data"], arrays["target"])
                    model.backward()
                    optimizer.step(1e-3)
                self.assertEqual(optimizer.steps, 3)
                for key, parameter in model.parameters.items():
                    golden.assert_close(self, f"{name}: {key}", parameter.value.numpy(), arrays[f"step3.{key}"])

    def test_the_gradient_s_norm_is_reported(self):
        arrays, _ = golden.read("vit_attn")
        model = self.model("vit_attn", arrays)
        optimizer = tl.Optimizer(self.context, model.parameters, kind="lion", grad_clip=0.5)
        model.forward(arrays["data"], arrays["target"])
        model.backward()
        optimizer.step(1e-4)
        report = optimizer.report()
        self.assertAlmostEqual(report.norm, float(arrays["grad_norm"][0]), delta=1e-4 * report.norm)
        self.assertFalse(report.skipped)

    def test_a_step_that_is_not_finite_is_skipped_and_named(self):
        model = self.model("vit_attn")
        optimizer = tl.Optimizer(self.context, model.parameters, skip_nonfinite=True)
        model.forward(np.zeros((3, 1, 12, 12)))
        before = model.parameters["mlp_head.bias"].value.numpy()
        model.backward(np.full((3, 5), np.nan))
        optimizer.step(1e-3)
        report = optimizer.report()
        self.assertTrue(report.skipped)
        self.assertIn(report.broken, model.parameters)
        np.testing.assert_array_equal(model.parameters["mlp_head.bias"].value.numpy(), before)

    def test_a_model_for_inference_has_nothing_to_optimize(self):
        with self.assertRaisesRegex(tl.UsageError, "inference"):
            tl.Optimizer(self.context, self.model("vit_attn", training=False).parameters)


if __name__ == "__main__":
    unittest.main()
