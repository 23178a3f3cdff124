#!/usr/bin/env python3
"""Writes the first inputs of tests/fuzz/corpus: small sound files and small lies, for libFuzzer to go on from."""
import gzip, json, os, struct, subprocess, sys, zlib

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def put(target, name, data):
    os.makedirs(os.path.join(root, target), exist_ok=True)
    with open(os.path.join(root, target, name), "wb") as file:
        file.write(data)


def tensors(header, data, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


one = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
put("safetensors", "one", tensors({"a": one}, bytes(24)))
put("safetensors", "four", tensors({"i": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
    "j": {"dtype": "I32", "shape": [2], "data_offsets": [8, 16]}, "a": {"dtype": "F32", "shape": [], "data_offsets": [16, 20]},
    "u": {"dtype": "U8", "shape": [3], "data_offsets": [20, 23]}}, bytes(23)))
put("safetensors", "metadata", tensors({"__metadata__": {"task": "mnist", "op": "alpha", "step": "3",
    "checksum": "xxh3:0000000000000000"}, "a": one}, bytes(24)))
put("safetensors", "overlap", tensors({"a": one, "b": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]}}, bytes(24)))
put("safetensors", "gap", tensors({"a": one, "b": {"dtype": "U8", "shape": [2], "data_offsets": [25, 27]}}, bytes(27)))
put("safetensors", "huge_shape", tensors({"a": {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]}}, b""))
put("safetensors", "size_2_63", tensors(b'{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,9223372036854775808]}}', b"x"))
put("safetensors", "length_2_63", tensors({"a": one}, bytes(24), 2**63))
put("safetensors", "length_all", tensors({"a": one}, bytes(24), 2**64 - 1))
put("safetensors", "twice", tensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"xy"))
put("safetensors", "negative", tensors(b'{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,-1]}}', b"xy"))
put("safetensors", "nul_name", tensors(b'{"a\\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"))
put("safetensors", "deep", tensors(b"[" * 400, b""))
put("safetensors", "empty", b"")

images = struct.pack(">IIII", 0x803, 3, 2, 2) + bytes(range(12))
labels = struct.pack(">II", 0x801, 3) + bytes([7, 8, 9])
put("idx", "images", b"\x00" + images)
put("idx", "images_two", b"\x20" + images)
put("idx", "labels", b"\x01" + labels)
put("idx", "short", b"\x00" + images[:-1])
put("idx", "long", b"\x01" + labels + b"x")
put("idx", "many", b"\x00" + struct.pack(">IIII", 0x803, 0xffffffff, 0xffff, 0xffff))
put("idx", "none", b"\x00" + struct.pack(">IIII", 0x803, 0, 2, 2))
put("idx", "label_ten", b"\x01" + labels[:-1] + b"\x0a")
packed = gzip.compress(images, mtime=0)
put("gz", "images", packed)
put("gz", "stored", gzip.compress(images, compresslevel=0, mtime=0))
put("gz", "cut", packed[:-6])
put("gz", "two_members", gzip.compress(images[:9], mtime=0) + gzip.compress(images[9:], mtime=0))
put("gz", "plain", images)
put("gz", "bomb", gzip.compress(images[:16] + bytes(1 << 20), mtime=0))
put("gz", "bad_sum", packed[:-8] + b"abcd" + packed[-4:])

put("tokens", "ten", struct.pack("<HB", 255, 3) + struct.pack("<10H", *range(10)))
put("tokens", "odd", struct.pack("<HB", 255, 3) + b"\x01\x00\x02")
put("tokens", "large_id", struct.pack("<HB", 8, 3) + struct.pack("<4H", 1, 2, 9, 3))
put("tokens", "short", struct.pack("<HB", 65535, 200) + struct.pack("<4H", 1, 2, 9, 65535))
put("tokens", "empty", struct.pack("<HB", 8, 3))


def letters():
    kept = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    codes, free = {b: chr(b) for b in kept}, 256
    for b in range(256):
        if b not in codes:
            codes[b], free = chr(free), free + 1
    return [codes[b] for b in range(256)]


alphabet = letters()
merges = ["h e", "l l", "he ll", "hell o", "\u0120 w", "a a", "aa aa"]
tokens = alphabet + [m.replace(" ", "") for m in merges] + ["<|endoftext|>"]
vocab = ("#version: 0.2\n" + "\n".join(merges) + "\n").encode()
encoder = json.dumps({t: i for i, t in enumerate(tokens)}).encode()
put("bpe", "tiny", vocab + b"\0" + encoder + b"\0" + "hello world, it's aaaaa 123 \u00e9\u4e2d <|endoftext|>\n\n".encode())
put("bpe", "raw_bytes", vocab + b"\0" + encoder + b"\0" + bytes(range(1, 256)))
put("bpe", "no_version", vocab[14:] + b"\0" + encoder + b"\0abc")
put("bpe", "unknown_merge", vocab + b"q zz\n\0" + encoder + b"\0abc")
put("bpe", "twice", vocab + b"h e\n\0" + encoder + b"\0abc")
put("bpe", "three_words", b"#version: 0.2\na b c\n\0" + encoder + b"\0abc")
put("bpe", "not_json", vocab + b"\0[1,2\0abc")
put("bpe", "large_id", vocab + b"\0" + encoder.replace(b": 5,", b": 70000,") + b"\0abc")
put("bpe", "escapes", vocab + b"\0" + encoder.replace(b'"a"', b'"\\u0061"') + b"\0abc")

put("config", "run", b"# a run\nop = alpha\nsteps = 20\nlr = 3e-4\nsize = mini\nquiet = true\noffset-sharing = clip:2\n\n")
put("config", "unknown", b"colour = red\n")
put("config", "no_equals", b"op alpha\n")
put("config", "bad_number", b"steps = 1e400\nlr = nan\n")
put("config", "choice", b"op = translutio\n")
put("config", "bytes", b"memory-limit = 8G\nbatch-size = 4294967296\n")
put("config", "long", b"data = " + b"x" * 2000 + b"\n")
put("config", "spaces", b" \t op\t=\talpha \r\n\r\n=\n")
put("config", "nul", b"op = al\0pha\nsteps\0 = 1")


def png(width, height, depth, color, rows, chunks=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)) + chunks +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


put("image", "png_rgb", b"\0" + png(3, 2, 8, 2, (b"\0" + bytes(range(9))) * 2))
put("image", "png_grey", b"\0" + png(5, 2, 8, 0, (b"\0" + bytes(5)) * 2))
put("image", "png_grey16", b"\0" + png(2, 2, 16, 0, (b"\0" + bytes(4)) * 2))
put("image", "png_alpha", b"\0" + png(2, 2, 8, 6, (b"\1" + bytes(8)) * 2))
put("image", "png_cut", b"\0" + png(3, 2, 8, 2, (b"\0" + bytes(range(9))) * 2)[:50])
put("image", "png_huge", b"\0" + png(0x7fffffff, 0x7fffffff, 8, 2, b""))
zoo = os.path.join(root, "..", "..", "golden", "images")
for name in ("rgb16.png", "deep.png", "palette.png", "lossy.webp", "lossless_alpha.webp", "animated.webp", "turned.webp", "turned.jpg",
             "rgb_lzw.tiff", "group4.tif", "jpeg.tif", "deflate.tif", "packbits.tif", "tiled_big.tif", "planes.tif", "palette4.tif", "turned6.tif",
             "big.tif", "rle8.bmp", "rle4.bmp", "bits16.bmp", "bits32_v5.bmp", "os2.bmp", "palette1.bmp", "top_down.bmp", "plain_few.ppm",
             "touching_bitmap.ppm", "raw_bitmap.ppm", "deep1000.pgm", "rgb.ppm"):
    with open(os.path.join(zoo, name), "rb") as file:
        put("image", name.replace(".", "_"), b"\0" + file.read())
picture = b"P6 19 11 255\n" + bytes((x * 13 + y * 7 * c) % 256 for y in range(11) for x in range(19) for c in range(3))
for name, flags in (("jpeg", []), ("jpeg_grey", ["-grayscale"]), ("jpeg_progressive", ["-progressive"]),
                    ("jpeg_arithmetic", ["-arithmetic"]), ("jpeg_restart", ["-restart", "1", "-sample", "1x1"])):
    try:
        made = subprocess.run(["cjpeg", "-quality", "60", *flags], input=picture, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        print(f"no cjpeg (libjpeg-turbo-progs): {name} is not made", file=sys.stderr)
        continue
    put("image", name, b"\0" + made)
    put("image", name + "_eighth", b"\3" + made)
    put("image", name + "_cut", b"\1" + made[: len(made) * 2 // 3])
