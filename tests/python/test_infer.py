"""Saved models at work: what is classified and generated is what the model says."""
import tempfile
import unittest
from pathlib import Path

import numpy as np
from test_model import WithContext

import translution as tl

SMALL = dict(op="attention", dim=16, depth=1, heads=2, head_dim=8, mlp_dim=32)


class Saved(WithContext):
    def setUp(self):
        super().setUp()
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.work = Path(work.name)

    def train(self, task, training, **parts):
        settings = tl.default_settings(task, model={**SMALL, **parts.pop("model", {})}, training=dict(batch_size=8, **training),
                                       run=dict(out=self.work / "run", **parts.pop("run", {})))
        with tl.Trainer(self.context, settings) as trainer:
            trainer.run()
        return self.work / "run"


class Images(Saved):
    def test_a_predictor_says_what_the_model_says(self):
        run = self.train("mnist", dict(steps=2, limit_train=16, limit_test=16))
        images = np.random.default_rng(0).random((3, 1, 84, 84), np.float32)
        with tl.Predictor(self.context, run, batch=4) as predictor, tl.Model.open(self.context, run, batch=4) as model:
            classes, probabilities = predictor.classify_batch(images, 10)
            model.forward(images)
            np.testing.assert_array_equal(classes[:, 0], model.logits().argmax(-1))
            np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-9)
            picture = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)
            guesses = predictor.classify(picture, 3)
            self.assertEqual([guess.name for guess in guesses], [str(guess.index) for guess in guesses])
            self.assertGreaterEqual(guesses[0].probability, guesses[1].probability)
            self.assertEqual(predictor.attention().shape[2], 3)
            with self.assertRaisesRegex(tl.InputError, "missing.png"):
                predictor.classify(self.work / "missing.png")

    def test_the_tensors_of_a_file_are_the_model_s(self):
        run = self.train("mnist", dict(steps=1, limit_train=8, limit_test=8))
        tensors, metadata = tl.read_tensors(run)
        self.assertEqual(metadata["task"], "mnist")
        with tl.Model.open(self.context, run) as model:
            self.assertEqual(set(tensors), set(model.parameters))
            for name, parameter in model.parameters.items():
                np.testing.assert_array_equal(tensors[name], parameter.value.numpy())


class Text(Saved):
    def setUp(self):
        super().setUp()
        (self.work / "text").write_text("hello world. " * 400)
        result = tl.tokenize([self.work / "text"], self.work / "tokens", val_fraction=0.1, cut_single=True)
        self.assertEqual(result.train_tokens + result.val_tokens, 13 * 400)
        self.run_folder = self.train("gpt", dict(steps=40, lr=1e-2, samples_per_epoch=64), model=dict(seq_len=16),
                                     run=dict(data=self.work / "tokens"))

    def test_a_callback_sees_the_text_and_may_end_it(self):
        pieces = []
        text = tl.generate(self.context, self.run_folder, "hello", 12, temperature=0, on_token=lambda token, piece: pieces.append((token, piece)))
        self.assertEqual(pieces[0], (-1, b"hello"))
        self.assertEqual(b"".join(piece for _, piece in pieces).decode(), text)
        self.assertEqual(len(pieces), 13)
        self.assertEqual(tl.generate(self.context, self.run_folder, "hello", 12, temperature=0), text)
        ended = tl.generate(self.context, self.run_folder, "hello", 12, on_token=lambda token, piece: token < 0)
        self.assertEqual(len(ended), len("hello") + 1)
        with self.assertRaises(ZeroDivisionError):
            tl.generate(self.context, self.run_folder, "hello", 12, on_token=lambda token, piece: 1 / 0)

    def test_a_tokenizer_gives_back_what_it_takes(self):
        tokenizer = tl.Tokenizer(self.run_folder)
        ids = tokenizer.encode("world. hello")
        self.assertLess(ids.max(), len(tokenizer))
        self.assertEqual(tokenizer.decode(ids), "world. hello")
        with self.assertRaises(tl.InputError):
            tokenizer.encode("Z")


if __name__ == "__main__":
    unittest.main()
