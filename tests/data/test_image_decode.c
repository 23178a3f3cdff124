/* Images of every format become RGB as Pillow makes it of them; damaged, foreign and huge files are refused with their name, and
 * nothing is printed. */
#include "image_files.h"

#include "core/random.h"
#include "data/image_decode.h"

static char path[256];

static int setup(void **state)
{
    if (make_folder(state) != 0) return -1;
    snprintf(path, sizeof path, "%s/picture.JPEG", folder); /* the suffix never matters */
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    return remove_empty_folder(state);
}

static tli_image decode(uint32_t shrink, uint32_t width, uint32_t height)
{
    tli_bytes bytes = {0};
    tli_image image = {0};
    tl_error err = {0};
    uint32_t w, h;
    if (tli_bytes_read(&bytes, path, &err) != TL_OK) fail_msg("%s", err.text);
    if (tli_image_size(&bytes, path, &w, &h, &err) != TL_OK) fail_msg("%s", err.text);
    if (tli_image_decode(&bytes, path, shrink, &image, &err) != TL_OK) fail_msg("%s", err.text);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    if (shrink == 1) {
        assert_int_equal(w, width);
        assert_int_equal(h, height);
    }
    tli_bytes_free(&bytes);
    return image;
}
#define decode(...) VALUE_FROM_HERE(decode(__VA_ARGS__))

static tl_status refused(const char *says)
{
    tli_bytes bytes = {0};
    tli_image image = {0};
    tl_error err = {0};
    tl_status status = tli_bytes_read(&bytes, path, &err);
    if (status == TL_OK) status = tli_image_decode(&bytes, path, 1, &image, &err);
    if (says != NULL) {
        assert_int_equal(status, TL_ERROR_INPUT);
        if (strstr(err.text, says) == NULL) fail_msg("\"%s\" without \"%s\"", err.text, says);
    }
    if (status != TL_OK) {
        assert_int_equal(status, TL_ERROR_INPUT);
        assert_non_null(strstr(err.text, path));
    }
    tli_image_free(&image);
    tli_bytes_free(&bytes);
    return status;
}
#define refused(...) VALUE_FROM_HERE(refused(__VA_ARGS__))

static void expect_at(const char *file, int line, const tli_image *image, uint32_t at, int r, int g, int b,
                      int slack)
{
    const uint8_t *p = image->pixels + 3 * (size_t)at;
    if (abs(p[0] - r) > slack || abs(p[1] - g) > slack || abs(p[2] - b) > slack)
        fail_at(file, line, "pixel %u is (%d %d %d) instead of (%d %d %d)", at, p[0], p[1], p[2], r, g, b);
}
#define expect(...) expect_at(HERE, __VA_ARGS__)

static void test_png(void **state)
{
    /* 8-bit kinds, 3 x 2 */
    const uint8_t rgb[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252, 0, 128, 255, 77, 78, 79};
    for (int interlaced = 0; interlaced < 2; interlaced++)
        for (int transparent = 0; transparent < 2; transparent++) {
            write_png(path, rgb, 3, 2, 8, PNG_COLOR_TYPE_RGB, interlaced, transparent);
            tli_image image = decode(4, 3, 2); /* shrinking is for JPEG */
            assert_memory_equal(image.pixels, rgb, sizeof rgb);
            tli_image_free(&image);
        }
    const uint8_t rgba[] = {10, 20, 30, 0, 40, 50, 60, 128, 70, 80, 90, 255};
    write_png(path, rgba, 3, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, 0);
    tli_image image = decode(1, 3, 1);
    for (uint32_t i = 0; i < 3; i++) expect(&image, i, rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2], 0);
    tli_image_free(&image);
    const uint8_t grey_alpha[] = {10, 0, 200, 255};
    write_png(path, grey_alpha, 2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, 0);
    image = decode(1, 2, 1);
    expect(&image, 0, 10, 10, 10, 0);
    expect(&image, 1, 200, 200, 200, 0);
    tli_image_free(&image);

    /* greyscale of 1, 2, 4, 8 and 16 bits: the extremes and 16 bits' 0x1234, which is clipped */
    const uint8_t one[] = {0x40}, two[] = {0x18}, four[] = {0x1f}, eight[] = {17, 255};
    const uint8_t sixteen[] = {0x12, 0x34, 0xff, 0xff, 0x12, 0xff, 0, 0};
    const struct {
        const uint8_t *rows;
        int depth, first, second;
    } greys[] = {
        {one, 1, 0, 255}, {two, 2, 0, 85}, {four, 4, 17, 255}, {eight, 8, 17, 255}, {sixteen, 16, 255, 255}};
    for (size_t i = 0; i < 5; i++)
        for (int transparent = 0; transparent < 2; transparent++) {
            write_png(path, greys[i].rows, 2, 1, greys[i].depth, PNG_COLOR_TYPE_GRAY, 0, transparent);
            image = decode(1, 2, 1);
            expect(&image, 0, greys[i].first, greys[i].first, greys[i].first, 0);
            expect(&image, 1, greys[i].second, greys[i].second, greys[i].second, 0);
            tli_image_free(&image);
        }
    write_png(path, sixteen, 1, 1, 16, PNG_COLOR_TYPE_RGB_ALPHA, 0, 0);
    image = decode(1, 1, 1);
    expect(&image, 0, 18, 255, 18, 0); /* the upper 8 bits */
    tli_image_free(&image);

    /* palettes of 8 and 2 bits, with transparent entries */
    const uint8_t indices[] = {0, 1, 100}, packed[] = {0x6c};
    write_png(path, indices, 3, 1, 8, PNG_COLOR_TYPE_PALETTE, 0, 1);
    image = decode(1, 3, 1);
    expect(&image, 0, 0, 0, 255, 0);
    expect(&image, 1, 1, 2, 254, 0);
    expect(&image, 2, 100, 200, 155, 0);
    tli_image_free(&image);
    write_png(path, packed, 3, 1, 2, PNG_COLOR_TYPE_PALETTE, 1, 0);
    image = decode(1, 3, 1);
    expect(&image, 0, 1, 2, 254, 0);
    expect(&image, 1, 2, 4, 253, 0);
    expect(&image, 2, 3, 6, 252, 0);
    tli_image_free(&image);
}

static void flat(uint8_t *pixels, size_t count, const uint8_t *value, size_t components)
{
    for (size_t i = 0; i < count; i++) memcpy(pixels + i * components, value, components);
}

static void test_jpeg(void **state)
{
    enum { WIDTH = 37, HEIGHT = 21, COUNT = WIDTH * HEIGHT };
    uint8_t pixels[COUNT * 4];
    const uint8_t rgb[] = {200, 90, 30}, grey[] = {66}, cmyk[] = {240, 120, 60, 200};
    for (int progressive = 0; progressive < 2; progressive++)
        for (uint32_t shrink = 1; shrink <= 8; shrink *= 2) {
            const uint32_t width = (WIDTH + shrink - 1) / shrink, height = (HEIGHT + shrink - 1) / shrink;
            flat(pixels, COUNT, rgb, 3);
            write_jpeg(path, pixels, WIDTH, HEIGHT, 3, 95, progressive, 0);
            tli_image image = decode(shrink, width, height);
            for (uint32_t i = 0; i < width * height; i++) expect(&image, i, 200, 90, 30, 2);
            tli_image_free(&image);
            flat(pixels, COUNT, grey, 1);
            write_jpeg(path, pixels, WIDTH, HEIGHT, 1, 95, progressive, 0);
            image = decode(shrink, width, height);
            for (uint32_t i = 0; i < width * height; i++) expect(&image, i, 66, 66, 66, 1);
            tli_image_free(&image);
            for (int ycck = 0; ycck < 2; ycck++) { /* 240 200 / 255 and so on */
                flat(pixels, COUNT, cmyk, 4);
                write_jpeg(path, pixels, WIDTH, HEIGHT, 4, 95, progressive, ycck);
                image = decode(shrink, width, height);
                for (uint32_t i = 0; i < width * height; i++) expect(&image, i, 188, 94, 47, 3);
                tli_image_free(&image);
            }
        }
    /* left half dark, right half bright: rows and columns are where they belong */
    for (int i = 0; i < COUNT * 3; i++) pixels[i] = i / 3 % WIDTH < WIDTH / 2 ? 20 : 220;
    write_jpeg(path, pixels, WIDTH, HEIGHT, 3, 95, 0, 0);
    tli_image image = decode(1, WIDTH, HEIGHT);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        expect(&image, y * WIDTH, 20, 20, 20, 8);
        expect(&image, y * WIDTH + WIDTH - 1, 220, 220, 220, 8);
    }
    tli_image_free(&image);
    pixels[0] = 9, pixels[1] = 8, pixels[2] = 7;
    write_jpeg(path, pixels, 1, 1, 3, 100, 0, 0);
    image = decode(1, 1, 1);
    expect(&image, 0, 9, 8, 7, 2);
    tli_image_free(&image);
}

static void noise(uint8_t *pixels, size_t count, uint64_t seed)
{
    tli_random r = tli_random_make(seed, 1);
    for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)tli_random_u32(&r);
}

static void test_foreign(void **state)
{
    unlink(path);
    refused("No such file");
    mkdir(path, 0700);
    refused("is not a file");
    rmdir(path);
    mkfifo(path, 0600);
    refused("is not a file");
    unlink(path);
    write_file(path, "", 0);
    refused("is empty: it has 0 bytes");
    write_file(path, "\xff", 1);
    refused("no image: it has 1 bytes");
    write_file(path, "GIF89a, a format of its own", 27);
    refused("no JPEG, PNG, WebP, TIFF, BMP or PNM file: it begins with the bytes 47 49 46 38");
    write_file(path, "\x89PNG\r\n\x1a\n", 8);
    refused("truncated after 8 bytes");
    write_file(path, "\xff\xd8\xff\xd9 and nothing else", 21);
    refused("not a valid JPEG");
}

/* Reads the next line of tests/golden/images/sums.txt and the file that it is about; false at the end. */
typedef struct golden {
    char name[64];
    uint32_t width, height, sum;
    unsigned char data[8192];
    size_t bytes;
} golden;

static FILE *open_sums(void)
{
    FILE *sums = fopen(TL_GOLDEN_DIR "/images/sums.txt", "r");
    assert_non_null(sums);
    return sums;
}
#define open_sums(...) VALUE_FROM_HERE(open_sums(__VA_ARGS__))

static bool next_golden(FILE *sums, golden *g)
{
    char from[512];
    if (fscanf(sums, "%63s %u %u %x", g->name, &g->width, &g->height, &g->sum) != 4) return false;
    snprintf(from, sizeof from, "%s/images/%s", TL_GOLDEN_DIR, g->name);
    g->bytes = read_file(from, g->data, sizeof g->data);
    return true;
}

/* Every file of the zoo has Pillow's pixels. */
static void test_pillow(void **state)
{
    FILE *sums = open_sums();
    static golden g;
    int count = 0;
    for (; next_golden(sums, &g); count++) {
        const bool oriented = strncmp(g.name, "turned", 6) == 0 && strstr(g.name, ".tif") == NULL;
        const bool deep = strstr(g.name, "deep") != NULL || strcmp(g.name, "transparent_grey16.png") == 0;
        assert_true(tli_image_is_name(g.name));
        write_file(path, g.data, g.bytes);
        tli_image image = decode(1, g.width, g.height);
        if (crc32(0, image.pixels, image.width * image.height * 3) != g.sum)
            fail_msg("%s has other pixels", g.name);
        if (image.remarks !=
            (uint32_t)((oriented ? TLI_IMAGE_ORIENTED : 0) | (deep ? TLI_IMAGE_DEEP_GREY : 0)))
            fail_msg("%s has the remarks %u", g.name, image.remarks);
        tli_image_free(&image);
    }
    fclose(sums);
    assert_true(count > 100);
    assert_true(tli_image_is_name("a.b.JPEG"));
    assert_true(tli_image_is_name("x.TiF"));
    assert_true(!tli_image_is_name("x.gif"));
    assert_true(!tli_image_is_name("jpg"));
    assert_true(!tli_image_is_name("x.jpg.txt"));
}

/* Decodes the first `count` bytes from a place of their own, whose end AddressSanitizer guards. What claims to be large is slow
 * and no other than what is small. */
static tl_status decode_bytes(const unsigned char *data, size_t count)
{
    tli_bytes file = {.data = malloc(count), .count = count, .capacity = count};
    tli_image image = {0};
    tl_error err = {0};
    uint32_t width = 0, height = 0;
    assert_non_null(file.data);
    memcpy(file.data, data, count);
    tl_status status = tli_image_size(&file, "zoo", &width, &height, &err);
    if (status == TL_OK && width * height < 1 << 18) status = tli_image_decode(&file, "zoo", 1, &image, &err);
    if (status != TL_OK) {
        assert_int_equal(status, TL_ERROR_INPUT);
        assert_non_null(strstr(err.text, "zoo"));
    }
    tli_image_free(&image);
    tli_bytes_free(&file);
    return status;
}
#define decode_bytes(...) VALUE_FROM_HERE(decode_bytes(__VA_ARGS__))

/* Files that are cut off are refused, files with damaged bytes read or refused, silently and without a crash. */
static void test_damaged_zoo(void **state)
{
    FILE *sums = open_sums();
    static golden g;
    for (uint64_t number = 0; next_golden(sums, &g); number++) {
        tli_random r = tli_random_make(9, number);
        /* libtiff takes an image whose palette cannot be read for greyscale; second pages are not looked at */
        const bool must = strstr(g.name, ".tif") == NULL ||
                          (strstr(g.name, "palette") == NULL && strstr(g.name, "pages") == NULL);
        for (int i = 0; i < 40; i++) {
            const size_t cut = 1 + tli_random_below(&r, (uint32_t)g.bytes - 1);
            const tl_status status = decode_bytes(g.data, cut);
            if (must && cut < g.bytes * 4 / 5 && status != TL_ERROR_INPUT)
                fail_msg("%s cut at %zu of %zu was read", g.name, cut, g.bytes);
        }
        for (int i = 0; i < 300; i++) {
            const size_t at = tli_random_below(&r, (uint32_t)(i % 2 || g.bytes < 200 ? g.bytes : 200));
            const unsigned char was = g.data[at];
            g.data[at] = (unsigned char)(was ^ (1 + tli_random_below(&r, 255)));
            decode_bytes(g.data, g.bytes);
            g.data[at] = was;
        }
    }
    fclose(sums);
}

/* The header alone says 20,000 x 20,000. */
static void test_huge(void **state)
{
    static unsigned char data[8192];
    uint8_t pixels[8 * 8 * 3] = {0};
    write_jpeg(path, pixels, 8, 8, 3, 90, 0, 0);
    size_t bytes = read_file(path, data, sizeof data);
    size_t at = 2;
    while (data[at + 1] != 0xc0) at += 2 + (size_t)data[at + 2] * 256 + data[at + 3]; /* SOF0 */
    data[at + 5] = data[at + 7] = 0x4e, data[at + 6] = data[at + 8] = 0x20;
    write_file(path, data, bytes);
    refused("is too large: 20000 x 20000 pixels");
    data[at + 5] = data[at + 7] = 0x2f,
              data[at + 6] = data[at + 8] = 0x00; /* 12032: too many pixels in all */
    write_file(path, data, bytes);
    refused("is too large: 12032 x 12032 pixels");

    /* IHDR with its checksum: a PNG whose header is right and says 20,000 x 20,000 */
    const unsigned char png[] = {0x89, 'P',  'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0, 0,
                                 13,   'I',  'H', 'D', 'R',  0,    0,    0x4e, 0x20, 0, 0,
                                 0x4e, 0x20, 8,   2,   0,    0,    0,    0,    0,    0, 0};
    memcpy(data, png, sizeof png);
    const uLong sum = crc32(0, png + 12, 17);
    for (int i = 0; i < 4; i++) data[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
    memcpy(data + 33, "\0\0\0\0IDAT", 8);
    write_file(path, data, 45);
    refused("is too large: 20000 x 20000 pixels");

    tli_bytes file = {.data = data, .count = 45};
    tli_image image = {0};
    tl_error err = {0};
    assert_int_equal(tli_image_decode(&file, "x", 1, &image, &err), TL_ERROR_INPUT);
    assert_true(image.pixels == NULL);
    assert_true(image.capacity == 0);
}

/* Every cut, and thousands of damaged bytes: refused or read, never a crash, never a word on stderr. */
static void test_damage(void **state)
{
    enum { WIDTH = 40, HEIGHT = 24 };
    static uint8_t pixels[WIDTH * HEIGHT * 3];
    static unsigned char data[16384];
    noise(pixels, sizeof pixels, 5);
    for (int kind = 0; kind < 3; kind++) {
        if (kind < 2)
            write_jpeg(path, pixels, WIDTH, HEIGHT, 3, 60, kind, 0);
        else
            write_png(path, pixels, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, 1, 0);
        const size_t bytes = read_file(path, data, sizeof data);
        assert_int_equal(refused(NULL), TL_OK);
        for (size_t cut = 1; cut + 16 < bytes; cut += cut < 700 ? 1 : 13) {
            write_file(path, data, cut);
            if (refused(NULL) != TL_ERROR_INPUT) fail_msg("kind %d cut at %zu was read", kind, cut);
        }
        tli_random r = tli_random_make(7, (uint64_t)kind);
        int found = 0;
        for (int i = 0; i < 1500; i++) {
            const size_t at = 2 + tli_random_below(&r, (uint32_t)bytes - 2);
            const unsigned char was = data[at];
            data[at] = (unsigned char)(was ^ (1 + tli_random_below(&r, 255)));
            write_file(path, data, bytes);
            found += refused(NULL) != TL_OK;
            data[at] = was;
        }
        assert_true(found > (kind == 2 ? 1400 : 100)); /* a PNG has checksums; a JPEG often is another one */
    }
}

static void test_silence(void **state)
{
    char log[300];
    snprintf(log, sizeof log, "%s/stderr", folder);
    fflush(stderr);
    const int kept = dup(2);
    FILE *file = fopen(log, "wb");
    assert_non_null(file);
    dup2(fileno(file), 2);
    test_damage(state);
    test_damaged_zoo(state);
    dup2(kept, 2);
    close(kept);
    const long said = (fseek(file, 0, SEEK_END), ftell(file));
    fclose(file);
    unlink(log);
    assert_int_equal(said, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),     cmocka_unit_test(test_jpeg),   cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_huge),    cmocka_unit_test(test_pillow), cmocka_unit_test(test_damaged_zoo),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
