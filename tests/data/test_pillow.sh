#!/bin/sh
# Decoders, resizing and centre crop against the Pillow of this machine, pixel by pixel; skipped where there is none or an old one.
#   test_pillow.sh DECODE_IMAGE SOURCE_DIR
set -eu
. "$2/tests/support/skip.sh"
for python in "${PYTHON:-python3}" /usr/bin/python3; do
    "$python" -c 'import PIL; raise SystemExit(int(PIL.__version__.split(".")[0]) < 13)' 2>/dev/null && break
    python=""
done
[ -n "$python" ] || skip "no python3 with Pillow 13 or later" "install Pillow by pip and name its Python by PYTHON"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" "$2/tests/golden/make_images.py" "$folder/zoo" "$1"
"$python" - "$1" "$folder" <<'END'
import random, subprocess, sys
from PIL import Image

program, folder = sys.argv[1:]
random.seed(2)
tile = Image.frombytes("RGB", (97, 61), bytes(random.randrange(256) for _ in range(97 * 61 * 3)))
for width, height in ((800, 611), (4000, 3000), (611, 800), (300, 4000)):
    whole = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    for x in range(0, width, 211):
        whole.paste(tile, (x, x * 7 % height))
    path = f"{folder}/{width}x{height}.jpg"
    whole.save(path, quality=90)
    for side in (224, 192, 32):
        subprocess.run([program, path, f"{folder}/out.ppm", str(side)], check=True)
        image = Image.open(path).convert("RGB")
        shorter = side * 256 // 224
        size = (shorter, shorter * height // width) if width <= height else (shorter * width // height, shorter)
        image = image.resize(size, Image.BILINEAR)
        left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
        if image.crop((left, top, left + side, top + side)).tobytes() != Image.open(f"{folder}/out.ppm").tobytes():
            sys.exit(f"{width} x {height} at {side}: other pixels than Pillow's")
print("resized as Pillow does")
END
