"""Trains on arrays in memory, evaluates, saves, loads and predicts: pictures of lines that run in four directions.

    pip install ./python && python3 python/examples/own_data.py [STEPS [OUT]]

Every part is a cell of a notebook."""
# %% Data: 24 x 24 pixels, a line at one of four angles through a random point; 2048 pictures to learn from, 256 to test with
import sys
from pathlib import Path

import numpy as np

import translution as tl

CLASSES = ["0 degrees", "45 degrees", "90 degrees", "135 degrees"]
SIDE = 24


def pictures(count, seed):
    """images [count][1][SIDE][SIDE], classes [count]"""
    draw = np.random.default_rng(seed)
    classes = np.arange(count) % len(CLASSES)
    angle = (np.pi * classes / len(CLASSES))[:, None, None]
    x0, y0 = SIDE * draw.random((2, count, 1, 1))
    y, x = np.mgrid[:SIDE, :SIDE]
    distance = np.abs((x - x0) * np.sin(angle) - (y - y0) * np.cos(angle))
    return (distance < 1).astype(np.float32)[:, None], classes


images, classes = pictures(2048, seed=1)
test_images, test_classes = pictures(256, seed=2)

# %% Settings: those of the task "own-vit", but for what is said here
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
out = Path(sys.argv[2] if len(sys.argv) > 2 else "runs/own_data_python")
settings = tl.default_settings(
    "own-vit",
    model=dict(op="translution", image_height=SIDE, image_width=SIDE, patch_height=4, patch_width=4, channels=1,
               classes=len(CLASSES), dim=32, depth=2, heads=2, head_dim=16, mlp_dim=64),
    training=dict(batch_size=32, steps=steps, lr=2e-3),
    run=dict(out=out, resume=True))  # if there is something to go on with

# %% Training: a run folder with checkpoints and metrics, as the program makes it
context = tl.Context()
print("device:", context.device.name)


def on_step(step):
    if step.step % 20 == 0:
        print(f"step {step.step} of {step.total}: loss {step.loss:.4f}")


data = tl.Data.of_arrays(images, classes, test_images, test_classes, identity="lines, 24 x 24")
with tl.Trainer(context, settings, data, on_step=on_step) as trainer:
    result = trainer.run()
print(f"{result.steps} steps, in {result.out}: loss {result.loss:.4f}, {result.top1:.1f} % of the test images are right")

# %% Its weights, opened for inference, and asked
model = tl.Model.open(context, out, batch=len(test_images))
model.forward(test_images)
found = model.logits().argmax(-1)
print(f"opened again: {100 * np.mean(found == test_classes):.1f} % are right; the first is of {CLASSES[found[0]]}")
assert abs(100 * np.mean(found == test_classes) - result.top1) < 1e-6

# %% Saved under another name, and opened with gradients
model.save(out / "copy.safetensors")
again = tl.Model.open(context, out / "copy.safetensors", batch=1, training=True)
again.forward(test_images[:1], test_classes[:1])
again.backward()
gradients = {name: float(np.abs(p.gradient).max()) for name, p in again.parameters.items()}
print(f"loss of the first image: {again.loss():.4f}; the largest gradient is that of {max(gradients, key=gradients.get)}")
context.close()
