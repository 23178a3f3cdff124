"""Training runs on arrays in memory."""
import json
import os
import signal
import tempfile
import unittest
from pathlib import Path

import numpy as np

import translution as tl

SIDE, CLASSES = 8, 4
MODEL = dict(op="translution", image_height=SIDE, image_width=SIDE, patch_height=4, patch_width=4, channels=1, classes=CLASSES,
             dim=16, depth=2, heads=2, head_dim=8, mlp_dim=32)


def quarters(count, seed):
    """Noise with a striped quarter, and which one."""
    draw = np.random.default_rng(seed)
    classes = draw.integers(0, CLASSES, count)
    images = draw.random((count, 1, SIDE, SIDE), np.float32) / 4
    for image, where in zip(images[:, 0], classes):
        y, x = divmod(where, 2)
        image[y * 4:y * 4 + 4, x * 4:x * 4 + 4:2] += 1
    return images, classes


TRAIN, TEST = quarters(512, 1), quarters(64, 2)


class Runs(unittest.TestCase):
    def setUp(self):
        self.context = tl.Context()
        self.addCleanup(self.context.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def settings(self, out, steps=24, **run):
        return tl.default_settings("own-vit", model=MODEL, training=dict(batch_size=16, steps=steps, lr=1e-2),
                                   run=dict(out=self.folder / out, **run))

    def data(self, **options):
        return tl.Data.of_arrays(*TRAIN, *TEST, **options)

    def weights(self, out):
        return (self.folder / out / "model.safetensors").read_bytes()

    def test_arrays_are_learned(self):
        steps, evaluations = [], []
        with tl.Trainer(self.context, self.settings("run", steps=200), self.data(labels=json.dumps(["nw", "ne", "sw", "se"])),
                        on_step=lambda step: steps.append((step.step, step.loss)),
                        on_evaluation=lambda scores: evaluations.append((scores.set, scores.top1, scores.predictions))) as trainer:
            self.assertEqual(trainer.settings.model.op, tl.OpKind.TRANSLUTION)
            self.assertEqual(trainer.settings.model.positions, tl.Positions.NONE)
            result = trainer.run()
        self.assertEqual([step for step, _ in steps], list(range(1, 201)))
        self.assertLess(steps[-1][1], steps[0][1] / 2)
        self.assertGreater(result.top1, 90)
        self.assertEqual(evaluations[-1], ("val", result.top1, 64))
        self.assertEqual(result.out, str(self.folder / "run"))
        self.assertIn(b"nw", self.weights("run"))

    def test_a_resumed_run_has_the_same_weights(self):
        with tl.Trainer(self.context, self.settings("whole"), self.data()) as trainer:
            trainer.run()
        with tl.Trainer(self.context, self.settings("parts", stop_after=10), self.data()) as trainer:
            self.assertEqual(trainer.run().steps, 10)
        with tl.Trainer(self.context, self.settings("parts", resume=True), self.data()) as trainer:
            self.assertEqual(trainer.run().steps, 24)
        self.assertEqual(self.weights("whole"), self.weights("parts"))

    def test_a_callback_ends_the_run(self):
        with tl.Trainer(self.context, self.settings("run", steps=2000), self.data(), on_step=lambda step: step.step < 5) as trainer:
            self.assertLess(trainer.run().steps, 2000)

    def test_a_fill_of_one_s_own_sees_the_request(self):
        requests = []

        def fill(request, rows):
            requests.append((request.set, request.step, request.epoch, rows.tolist()))
            soft = np.eye(CLASSES)[TRAIN[1][rows]]
            return TRAIN[0][rows].astype(np.float64), soft if request.set == tl.Set.TRAIN else TRAIN[1][rows]

        with tl.Trainer(self.context, self.settings("run", steps=3), tl.Data(fill, 40, 8, shuffle=False)) as trainer:
            trainer.run()
        train = [request for request in requests if request[0] == tl.Set.TRAIN][:3]
        self.assertEqual(train, [(tl.Set.TRAIN, 0, 0, list(range(16))), (tl.Set.TRAIN, 1, 0, list(range(16, 32))),
                                 (tl.Set.TRAIN, 2, 0, list(range(32, 40)))])
        self.assertIn((tl.Set.TEST, 0, 0, list(range(8))), requests)

    def test_tokens_are_learned(self):
        text = np.tile(np.arange(5), 40)
        settings = tl.default_settings("own-gpt", model=dict(op="attention", seq_len=8, vocab_size=5, dim=16, depth=1, heads=2, head_dim=8,
                                                             mlp_dim=32),
                                       training=dict(batch_size=8, steps=30, lr=1e-2), run=dict(out=self.folder / "gpt"))

        def fill(request, rows):
            at = rows[:, None] + np.arange(8)
            return text[at], text[at + 1]

        with tl.Trainer(self.context, settings, tl.Data(fill, 150)) as trainer:
            self.assertLess(trainer.run().loss, 1)

    def test_what_a_callback_raises_is_raised(self):
        def broken(*_):
            raise LookupError("no such picture")

        with self.assertRaisesRegex(LookupError, "no such picture"):
            with tl.Trainer(self.context, self.settings("fill"), tl.Data(broken, 16)) as trainer:
                trainer.run()
        with tl.Trainer(self.context, self.settings("step"), self.data(), on_step=broken) as trainer:
            with self.assertRaisesRegex(LookupError, "no such picture"):
                trainer.run()
        with tl.Trainer(self.context, self.settings("shape"), tl.Data(lambda *_: (np.zeros((16, 3)), np.zeros(16)), 16)) as trainer:
            with self.assertRaisesRegex(tl.UsageError, r"\(16, 1, 8, 8\) is needed"):
                trainer.run()

    def test_ctrl_c_saves_and_raises(self):
        for where in ("step", "fill"):
            with self.subTest(where):
                calls = []

                def interrupt(*_):
                    calls.append(1)
                    if len(calls) == 3:
                        os.kill(os.getpid(), signal.SIGINT)
                    return True

                data = self.data()
                if where == "fill":
                    rows_of = data.fill
                    data.fill = lambda request, rows: (interrupt(), rows_of(request, rows))[1]
                with tl.Trainer(self.context, self.settings(where, steps=2000), data,
                                on_step=interrupt if where == "step" else None) as trainer:
                    with self.assertRaises(KeyboardInterrupt):
                        trainer.run()
                with tl.Trainer(self.context, self.settings(where, resume=True, steps=2000, stop_after=1), self.data()) as trainer:
                    self.assertLess(trainer.run().steps, 2000)

    def test_the_library_s_refusals_are_exceptions(self):
        with self.assertRaisesRegex(tl.UsageError, "no task nothing"):
            tl.default_settings("nothing")
        with self.assertRaisesRegex(AttributeError, "Training has no member learning_rate"):
            tl.default_settings("own-vit", training=dict(learning_rate=1))
        with self.assertRaisesRegex(tl.UsageError, "classes"):
            settings = self.settings("refused")
            settings.model.classes = 0
            tl.Trainer(self.context, settings, self.data())
        with self.assertRaises(tl.InputError):
            tl.evaluate(self.context, self.folder / "nothing.safetensors")

    def test_a_run_of_the_program_s_tasks_is_evaluated(self):
        settings = tl.default_settings("mnist", model=dict(op="attention", dim=16, depth=1, heads=2, head_dim=8, mlp_dim=32),
                                       training=dict(batch_size=8, steps=2, limit_train=16, limit_test=16), run=dict(out=self.folder / "digits"))
        with tl.Trainer(self.context, settings) as trainer:
            result = trainer.run()
        scores = tl.evaluate(self.context, self.folder / "digits")
        self.assertEqual((scores.top1_static, scores.top1_dynamic), (result.top1_static, result.top1_dynamic))
        self.assertEqual(scores.params, result.params)


if __name__ == "__main__":
    unittest.main()
