#!/usr/bin/env python3
"""Writes a zoo of small image files and what Pillow's convert("RGB") makes of them: sums.txt, a line a file with its name, the
size and the CRC-32 of its RGB bytes. tests/data/test_image_decode.c holds the decoders to it; with a program as second argument
(tests/decode_image) every file is also compared pixel by pixel.
  make_images.py DIR [DECODE_IMAGE]"""
import io, os, random, struct, subprocess, sys, warnings, zlib

from PIL import Image, ImageOps, features

warnings.simplefilter("ignore")
WIDTH, HEIGHT = 13, 11
random.seed(1)
RAMP = bytes((x * 19 + y * 7 * (c + 1) + random.randrange(40)) % 256 for y in range(HEIGHT) for x in range(WIDTH) for c in range(3))
rgb = Image.frombytes("RGB", (WIDTH, HEIGHT), RAMP)
grey = rgb.convert("L")
alpha = Image.frombytes("L", (WIDTH, HEIGHT), bytes((i * 29) % 256 for i in range(WIDTH * HEIGHT)))
rgba = rgb.copy()
rgba.putalpha(alpha)
grey_alpha = grey.copy()
grey_alpha.putalpha(alpha)
palette = rgb.quantize(20)
few = rgb.quantize(3)
cmyk = rgb.convert("CMYK")
bitmap = grey.point(lambda v: 255 * (v > 120)).convert("1")
deep = Image.frombytes("I;16", (WIDTH, HEIGHT), b"".join(struct.pack("<H", (i * 977) % 65536 if i % 3 else i) for i in range(WIDTH * HEIGHT)))
files = {}


def save(name, image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    files[name] = out.getvalue()


def exif(orientation):
    e = Image.Exif()
    e[274] = orientation
    return e.tobytes()


# -- JPEG and WebP
for name, image in (("rgb", rgb), ("grey", grey), ("cmyk", cmyk)):
    save(f"{name}.jpg", image, "JPEG", quality=85)
    save(f"{name}_progressive.jpg", image, "JPEG", quality=60, progressive=True)
save("turned.jpg", rgb, "JPEG", exif=exif(6))
save("lossy.webp", rgb, "WEBP", quality=60)
save("lossless.webp", rgb, "WEBP", lossless=True)
save("lossy_alpha.webp", rgba, "WEBP", quality=60)
save("lossless_alpha.webp", rgba, "WEBP", lossless=True, exact=True)
save("turned.webp", rgb, "WEBP", quality=60, exif=exif(3))
save("animated.webp", rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], lossless=True)
save("animated_alpha.webp", rgba, "WEBP", save_all=True, append_images=[rgba.rotate(180)], lossless=True)

# -- PNG
for name, image in (("rgb", rgb), ("grey", grey), ("rgba", rgba), ("grey_alpha", grey_alpha), ("palette", palette), ("few", few),
                    ("bitmap", bitmap), ("deep", deep)):
    save(f"{name}.png", image, "PNG")
save("turned.png", rgb, "PNG", exif=exif(8))
save("transparent.png", palette, "PNG", transparency=3)
save("transparent_grey.png", grey, "PNG", transparency=40)


def png(depth, colour, samples, interlace=0, extra=b""):
    """Samples a pixel by colour type; rows of whole bytes, without filters."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = WIDTH * channels
    rows = b""
    for y in range(HEIGHT):
        values = samples[y * row:(y + 1) * row]
        if depth == 16:
            packed = b"".join(struct.pack(">H", v) for v in values)
        else:
            bits = "".join(format(v, f"0{depth}b") for v in values)
            bits += "0" * (-len(bits) % 8)
            packed = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + packed

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlace)) + extra +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def values(count, most):
    return [random.randrange(most + 1) for _ in range(count)]


PIXELS = WIDTH * HEIGHT
for depth in (2, 4):
    files[f"grey{depth}.png"] = png(depth, 0, values(PIXELS, 2 ** depth - 1))
files["rgb16.png"] = png(16, 2, values(3 * PIXELS, 65535))
files["rgba16.png"] = png(16, 6, values(4 * PIXELS, 65535))
files["grey_alpha16.png"] = png(16, 4, values(2 * PIXELS, 65535))
key = struct.pack(">I", 2) + b"tRNS" + struct.pack(">H", 300)
files["transparent_grey16.png"] = png(16, 0, values(PIXELS, 700), extra=key + struct.pack(">I", zlib.crc32(key[4:])))

# -- TIFF
for name, image in (("rgb", rgb), ("grey", grey), ("rgba", rgba), ("grey_alpha", grey_alpha), ("palette", palette), ("bitmap", bitmap),
                    ("deep", deep), ("cmyk", cmyk)):
    save(f"{name}.tif", image, "TIFF")
    save(f"{name}_lzw.tiff", image, "TIFF", compression="tiff_lzw")
save("deflate.tif", rgb, "TIFF", compression="tiff_adobe_deflate")
save("packbits.tif", rgb, "TIFF", compression="packbits")
save("group4.tif", bitmap, "TIFF", compression="group4")
save("jpeg.tif", rgb, "TIFF", compression="jpeg", quality=80)
save("jpeg_grey.tif", grey, "TIFF", compression="jpeg", quality=80)
# Not: rgb.convert("YCbCr") as TIFF; libtiff's conversion, which is used for it, is off Pillow's by 1 of 255 at most.
save("big.tif", rgb, "TIFF", big_tiff=True)
save("pages.tif", rgb, "TIFF", save_all=True, append_images=[grey])
for orientation in range(2, 9):
    save(f"turned{orientation}.tif", rgb, "TIFF", tiffinfo={274: orientation})


def tiff(bits, photometric, planes, order="<", extra=(), tile=None, planar=1, rows_per_strip=4, colormap=None):
    """A TIFF file by hand: planes [samples][pixels], in strips or tiles, uncompressed."""
    samples = len(planes)

    def pack(block):
        if bits == 16:
            return b"".join(struct.pack(order + "H", v) for v in block)
        text = "".join(format(v, f"0{bits}b") for v in block)
        text += "0" * (-len(text) % 8)
        return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))

    def block(x0, y0, w, h, which):
        out = b""
        for y in range(y0, y0 + h):
            line = []
            for x in range(x0, x0 + w):
                line += [planes[s][y * WIDTH + x] if x < WIDTH and y < HEIGHT else 0 for s in which]
            out += pack(line)
        return out
    blocks = []
    for which in ([[s] for s in range(samples)] if planar == 2 else [list(range(samples))]):
        if tile:
            blocks += [block(x, y, tile, tile, which) for y in range(0, HEIGHT, tile) for x in range(0, WIDTH, tile)]
        else:
            blocks += [block(0, y, WIDTH, min(rows_per_strip, HEIGHT - y), which) for y in range(0, HEIGHT, rows_per_strip)]
    tags = [(256, 3, [WIDTH]), (257, 3, [HEIGHT]), (258, 3, [bits] * samples), (259, 3, [1]), (262, 3, [photometric]),
            (277, 3, [samples]), (284, 3, [planar])]
    tags += [(322, 3, [tile]), (323, 3, [tile])] if tile else [(278, 3, [rows_per_strip])]
    if extra:
        tags.append((338, 3, list(extra)))
    if colormap:
        tags.append((320, 3, colormap))
    counts = [len(b) for b in blocks]
    place, offsets, data = 8, [], b""
    for b in blocks:
        offsets.append(place + len(data))
        data += b + b"\0" * (len(b) % 2)
    tags += [(324 if tile else 273, 4, offsets), (325 if tile else 279, 4, counts)]
    tags.sort()
    directory = 8 + len(data)
    spill, entries = directory + 2 + 12 * len(tags) + 4, b""
    tail = b""
    for tag, kind, value in tags:
        packed = b"".join(struct.pack(order + ("H" if kind == 3 else "I"), v) for v in value)
        if len(packed) <= 4:
            field = packed.ljust(4, b"\0")
        else:
            field = struct.pack(order + "I", spill + len(tail))
            tail += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack(order + "HHI", tag, kind, len(value)) + field
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", directory) + data + struct.pack(order + "H", len(tags)) + entries + bytes(4) + tail


def several(count, most):
    return [values(PIXELS, most) for _ in range(count)]


for order in "<>":
    end = "little" if order == "<" else "big"
    files[f"rgb16_{end}.tif"] = tiff(16, 2, several(3, 65535), order)
    files[f"rgba16_{end}.tif"] = tiff(16, 2, several(4, 65535), order, extra=(2,))
    files[f"cmyk16_{end}.tif"] = tiff(16, 5, several(4, 65535), order)
    files[f"deep_{end}.tif"] = tiff(16, 1, several(1, 700), order)
    files[f"tiled_{end}.tif"] = tiff(8, 2, several(3, 255), order, tile=16)
files["associated.tif"] = tiff(8, 2, several(4, 255), extra=(1,))
files["associated16.tif"] = tiff(16, 2, several(4, 65535), extra=(1,))
files["unspecified.tif"] = tiff(8, 2, several(4, 255), extra=(0,))
files["five_inks.tif"] = tiff(8, 5, several(5, 255), extra=(0,))
files["planes.tif"] = tiff(8, 2, several(3, 255), planar=2)
for bits in (1, 2, 4, 8):
    files[f"white{bits}.tif"] = tiff(bits, 0, several(1, 2 ** bits - 1))
    files[f"black{bits}.tif"] = tiff(bits, 1, several(1, 2 ** bits - 1))
    files[f"palette{bits}.tif"] = tiff(bits, 3, several(1, 2 ** bits - 1), colormap=values(3 * 2 ** bits, 65535))

# -- BMP
for name, image in (("rgb", rgb), ("grey", grey), ("palette", palette), ("bitmap", bitmap), ("rgba", rgba)):
    save(f"{name}.bmp", image, "BMP")


def bmp(bits, pixels, compression=0, masks=b"", colours=b"", header=40, height=HEIGHT, offset=None):
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(pixels), 0, 0, len(colours) // 4, 0)
    if header == 12:
        info = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    elif header > 40:
        info = struct.pack("<I", header) + info[4:] + masks.ljust(header - 40, b"\0")
        masks = b""
    body = info + masks + colours
    place = 14 + len(body) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(pixels), 0, 0, place) + body + pixels


def packed_rows(bits, count=None):
    stride = (WIDTH * bits + 31) // 32 * 4
    out = b""
    for _ in range(HEIGHT):
        text = "".join(format(random.randrange(count or 2 ** bits), f"0{bits}b") for _ in range(WIDTH))
        out += bytes(int(text[i:i + 8].ljust(8, "0"), 2) for i in range(0, len(text), 8)).ljust(stride, b"\0")
    return out


def colours(count):
    return b"".join(bytes(values(3, 255)) + b"\0" for _ in range(count))


def masks(*words):
    return struct.pack(f"<{len(words)}I", *words)


for bits in (1, 4, 8):
    files[f"palette{bits}.bmp"] = bmp(bits, packed_rows(bits), colours=colours(2 ** bits))
files["short_palette.bmp"] = bmp(8, packed_rows(8), colours=colours(5))
files["os2.bmp"] = bmp(4, packed_rows(4), header=12, colours=b"".join(bytes(values(3, 255)) for _ in range(16)))
files["os2_24.bmp"] = bmp(24, packed_rows(24), header=12)
files["top_down.bmp"] = bmp(24, packed_rows(24), height=-HEIGHT)
files["bits15.bmp"] = bmp(16, packed_rows(16))
files["bits16.bmp"] = bmp(16, packed_rows(16), 3, masks(0xf800, 0x7e0, 0x1f))
files["bits15_masks.bmp"] = bmp(16, packed_rows(16), 3, masks(0x7c00, 0x3e0, 0x1f))
files["bits32.bmp"] = bmp(32, packed_rows(32))
files["bits32_masks.bmp"] = bmp(32, packed_rows(32), 3, masks(0xff000000, 0xff0000, 0xff00))
files["bits32_v4.bmp"] = bmp(32, packed_rows(32), 3, masks(0xff0000, 0xff00, 0xff, 0xff000000), header=108)
files["bits32_v5.bmp"] = bmp(32, packed_rows(32), 3, masks(0xff, 0xff00, 0xff0000, 0xff000000), header=124)
files["no_masks_v4.bmp"] = bmp(32, packed_rows(32), 3, masks(0, 0, 0, 0), header=108)
files["bits24_v2.bmp"] = bmp(24, packed_rows(24), 3, masks(0xff0000, 0xff00, 0xff), header=52)


def runs(four):
    """Rows of runs and of single indices, a jump, a run that is too long, ends of rows."""
    most = 15 if four else 255
    out = b""
    for y in range(HEIGHT):
        if y == 3:
            out += bytes([0, 2, 5, 1]) + bytes([20, random.randrange(256)])  # to the next row; on past its end
            out += bytes([0, 0])
            continue
        if y == 4:
            continue
        left = WIDTH
        while left > 0:
            count = min(left, random.randrange(3, 7))
            if count >= 3 and random.random() < 0.5:
                index = [random.randrange(most + 1) for _ in range(count)]
                raw = bytes(index) if not four else bytes((index[i] << 4) | (index[i + 1] if i + 1 < count else 0) for i in range(0, count, 2))
                out += bytes([0, count]) + raw + b"\0" * (len(raw) % 2)
            else:
                out += bytes([count, random.randrange(256)])
            left -= count
        out += bytes([0, 0])
    return out + bytes([0, 1])


files["rle8.bmp"] = bmp(8, runs(False), 1, colours=colours(256))
files["rle4.bmp"] = bmp(4, runs(True), 2, colours=colours(16))

# -- PBM, PGM, PPM
for name, image in (("rgb.ppm", rgb), ("grey.pgm", grey), ("deep.pgm", deep), ("bitmap.ppm", bitmap)):
    save(name, image, "PPM")


def pnm(kind, most=None, comment=b"", plain=False, touching=False):
    channels = 3 if kind in (3, 6) else 1
    count = PIXELS * channels
    head = b"P%d\n%s%d %d\n" % (kind, comment, WIDTH, HEIGHT) + (b"%d\n" % most if most else b"")
    if kind == 4:
        return head + bytes(values((WIDTH + 7) // 8 * HEIGHT, 255))
    if plain:
        return head + (b"" if touching else b" ").join(b"%d" % v for v in values(count, most or 1)) + b"\n"
    return head + b"".join(struct.pack(">H" if most > 255 else "B", v) for v in values(count, most))


files["raw_bitmap.ppm"] = pnm(4)
files["plain_bitmap.ppm"] = pnm(1, plain=True)
files["touching_bitmap.ppm"] = pnm(1, plain=True, touching=True)
files["plain.pgm"] = pnm(2, 255, plain=True)
files["plain_deep.pgm"] = pnm(2, 1000, plain=True)
files["plain.ppm"] = pnm(3, 255, plain=True)
files["plain_few.ppm"] = pnm(3, 6, comment=b"# a comment\n#another one\n", plain=True)
files["few.pgm"] = pnm(5, 6)
files["few.ppm"] = pnm(6, 100, comment=b"# a comment\n")
files["deep1000.pgm"] = pnm(5, 1000)
files["rgb1000.ppm"] = pnm(6, 1000)
files["rgb16.ppm"] = pnm(6, 65535)


def main():
    folder, program = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    os.makedirs(folder, exist_ok=True)
    lines, bad = [], 0
    for name in sorted(files):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(files[name])
        image = Image.open(path)
        image = image.convert("RGB")
        pixels = image.tobytes()
        lines.append("%s %d %d %08x\n" % (name, image.width, image.height, zlib.crc32(pixels)))
        if program:
            done = subprocess.run([program, path, path + ".ppm"], capture_output=True, text=True)
            ours = Image.open(path + ".ppm") if done.returncode == 0 else None
            same = ours is not None and ours.size == image.size and ours.tobytes() == pixels
            if not same:
                bad += 1
                difference = max(abs(a - b) for a, b in zip(ours.tobytes(), pixels)) if ours else done.stderr.strip()
                print(f"{name}: differs from Pillow: {difference}")
            if ours is not None:
                os.remove(path + ".ppm")
    with open(os.path.join(folder, "sums.txt"), "w") as file:
        file.writelines(lines)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes; Pillow {Image.__version__}, libjpeg-turbo "
          f"{features.version_feature('libjpeg_turbo')}, libwebp {features.version('webp')}, libtiff {features.version('libtiff')}"
          + (f"; {bad} differ" if program else ""))
    sys.exit(1 if bad else 0)


main()
