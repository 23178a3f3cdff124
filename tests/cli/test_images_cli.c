/* The program on folders of images, from outside: what is wrong with a folder or a file is named, with the documented
 * exit code; and nothing of a run is lost by it. */
#include "pillow_resize.h"

#include "image_tree.h"
#include "program.h"

#include "data/dataset.h"
#include "data/image_decode.h"

/* ---- folders ------------------------------------------------------------------------------------- */

static void wrong_folders_are_refused(void **state)
{
    fails(2, "train vit --data nowhere " MODEL, "no folder nowhere", "train/CLASS");
    mkdir(at("bare"), 0755);
    fails(2, "train vit --data bare " MODEL, "bare has no folder train", "val/CLASS");
    mkdir(at("bare/train"), 0755);
    fails(2, "train vit --data bare " MODEL, "bare/train has no class folders", "CLASS");
    put_image(at("bare"), "train", "only", 0, 1);
    fails(2, "train vit --data bare " MODEL, "only one class, only", "bare/train");
    mkdir(at("bare/train/second"), 0755);
    fails(2, "train vit --data bare " MODEL, "bare/train/second holds no image", ".png");
    put_image(at("bare"), "train", "second", 0, 1);
    fails(2, "train vit --data bare " MODEL, "bare has no folder val", "val/CLASS");
    put_image(at("bare"), "val", "second", 0, 1);
    put_image(at("bare"), "val", "third", 0, 1);
    fails(2, "train vit --data bare " MODEL, "bare/val lacks the class only, which bare/train has",
          "the same");
    fails(2, "train vit --data good --classes 4 " MODEL, "good has 3 classes, not 4", "--classes");
    /* A folder that may not be read, which a superuser may (test_image_folder.c covers them). */
    chmod(at("bare/train/second"), 0);
    if (geteuid() != 0)
        fails(2, "train vit --data bare " MODEL, "bare/train/second cannot be read", "ermission");
    chmod(at("bare/train/second"), 0755);
    /* Nothing was written for any of these. */
    assert_int_not_equal(access(at("runs"), F_OK), 0);
}

static void wrong_flags_are_refused(void **state)
{
    fails(2, "train vit --data good --augment crop,spin " MODEL, "no augmentation 'spin'", "randaugment");
    fails(2, "train mnist --augment none", "--augment", "it is for vit");
    fails(2, "train mnist --workers 2", "--workers", "it is for vit");
    fails(2, "train vit --motion dynamic", "--motion", "mnist");
    fails(2, "train vit --data good --image-size 24x32 --patch-size 8", "square images", "1 x 24 x 32");
    fails(2, "train vit --data good --image-size 24 --patch-size 7", "24 x 24", "multiple");
    fails(2, "train vit --data good --workers 5000", "--workers takes a whole number", "1024");
    fails(2, "bench loader word", "takes no word like 'word'", "loader");
    fails(2, "bench loader --image-size 8x9", "square images", "--image-size");
    fails(2, "bench loader --data nowhere", "no folder nowhere", "train/CLASS");
    fails(1, "bench loader --image-size 8 --limit-train 20 --show no/where.png",
          "no/where.png cannot be written", "No such file");
}

/* Without data and without a device; the paper's A/56. */
static void a_plan_needs_no_data(void **state)
{
    cJSON *json = json_of("train vit --op alpha --size tiny --patch-size 56 --dry-run");
    assert_true(number(json, "params") == 5334760);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "task")), "vit");
    cJSON_Delete(json);
    json = json_of("train vit --op attention --size small --patch-size 16 --classes 20 --dry-run");
    assert_true(number(json, "params") == 22039144 - 980 * 385);
    cJSON_Delete(json);
}

/* ---- files --------------------------------------------------------------------------------------- */

/* A 20,000 x 20,000 PNG by its header; nothing behind it. */
static void write_huge(const char *path)
{
    unsigned char png[45] = {0x89, 'P', 'N', 'G',  '\r', '\n', 0x1a, '\n', 0,    0, 0, 13, 'I', 'H', 'D',
                             'R',  0,   0,   0x4e, 0x20, 0,    0,    0x4e, 0x20, 8, 2, 0,  0,   0};
    const uLong sum = crc32(0, png + 12, 17);
    for (int i = 0; i < 4; i++) png[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
    memcpy(png + 37, "IDAT", 4);
    write_file(path, png, sizeof png);
}

static void bad_files_are_named(void **state)
{
    static unsigned char data[65536];
    const uint8_t pixel[] = {200, 10, 60};
    const char *const spoiled[] = {"files/train/classa/001.JPEG", "files/train/classb/002.JPEG",
                                   "files/train/classc/004.JPEG"};
    mkdir(at("files"), 0755);
    put_tree(at("files"), 3, 8, 3);
    /* fine, though odd: a PNG called .JPEG, and one pixel */
    write_file(at("files/train/classa/005.JPEG"), data,
               read_file(at("files/train/classa/003.png"), data, sizeof data));
    write_png(at("files/train/classb/003.png"), pixel, 1, 1, 8, PNG_COLOR_TYPE_RGB, 0, 0);
    succeeds("train vit --data files --steps 4 --out odd --strict " MODEL);
    assert_null(strstr(seen.err, "skipped"));
    /* not fine */
    write_file(at(spoiled[0]), "", 0);
    write_huge(at(spoiled[1]));
    write_file(at(spoiled[2]), data, read_file(at(spoiled[2]), data, sizeof data) / 2);
    succeeds("train vit --data files --steps 6 --out passed --workers 2 " MODEL); /* two epochs */
    const char *const says[] = {"is empty: it has 0 bytes", "is too large: 20000 x 20000 pixels",
                                "is truncated after"};
    for (int i = 0; i < 3; i++) {
        char line[600];
        snprintf(line, sizeof line, "skipped: %s %s", spoiled[i], says[i]);
        const char *named = strstr(seen.err, line);
        if (named == NULL || strstr(named + 14, spoiled[i]) != NULL)
            fail_msg("%s is not named once:\n%s", line, seen.err);
    }
    assert_non_null(strstr(seen.err, "3 files of files/train were skipped"));
    fails(2, "train vit --data files --steps 6 --out strict --strict " MODEL, "files/train/class", "");
    /* evaluation without one image */
    write_file(at("files/val/classb/001.JPEG"), "no picture", 10);
    cJSON *json = json_of("eval passed --data files --confusion table.tsv");
    assert_true(number(json, "top5") == 100);
    cJSON_Delete(json);
    assert_non_null(strstr(seen.err, "files/val/classb/001.JPEG is no JPEG, PNG"));
    assert_non_null(strstr(seen.err, "evaluated without them"));
    char table[512];
    FILE *file = fopen(at("table.tsv"), "rb");
    assert_non_null(file);
    table[fread(table, 1, sizeof table - 1, file)] = '\0';
    fclose(file);
    unsigned a = 0, b = 0, c = 0; /* two of the three images of classb are left */
    assert_int_equal(sscanf(strstr(table, "\nclassb\t") + 8, "%u %u %u", &a, &b, &c), 3);
    assert_int_equal(a + b + c, 2);
    fails(2, "eval passed --data files --strict", "files/val/classb/001.JPEG", "no JPEG, PNG");
    /* the table is known to be unwritable before the evaluation, which leaves an older one alone when it fails */
    fails(1, "eval passed --data files --strict --confusion no/where.tsv", "no/where.tsv", "No such file");
    fails(2, "eval passed --data files --strict --confusion table.tsv", "files/val/classb/001.JPEG", "");
    fails(2, "eval passed --data files --strict --confusion no-table.tsv", "files/val/classb/001.JPEG", "");
    assert_int_not_equal(access(at("no-table.tsv"), F_OK), 0);
    file = fopen(at("table.tsv"), "rb");
    assert_non_null(file);
    char again[512];
    again[fread(again, 1, sizeof again - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(again, table);
    fails(2, "eval passed --data good/val", "good/val has no folder val", "");
    fails(1, "eval passed --data good --confusion no/where.tsv", "no/where.tsv", "No such file");
    fails(2, "eval passed", "synthetic has the class 0, which the checkpoint has not", "the same");
}

/* A run that ends by a bad file is no loss: the checkpoint before it goes on. */
static void nothing_is_lost_by_a_bad_file(void **state)
{
    static unsigned char kept[65536];
    mkdir(at("lost"), 0755);
    put_tree(at("lost"), 2, 8, 2);
    const size_t bytes = read_file(at("lost/train/classa/001.JPEG"), kept, sizeof kept);
    succeeds("train vit --data lost --steps 6 --strict --out whole " MODEL);
    succeeds("train vit --data lost --steps 6 --strict --out parts --stop-after 2 " MODEL);
    write_file(at("lost/train/classa/001.JPEG"), kept, bytes / 2);
    fails(2, "train vit --data lost --steps 6 --strict --out parts --resume " MODEL, "other contents",
          "lost");
    fails(2, "train vit --data lost --steps 6 --strict --out parts --resume --allow-other-data " MODEL,
          "001.JPEG is truncated", "lost");
    write_file(at("lost/train/classa/001.JPEG"), kept, bytes);
    succeeds("train vit --data lost --steps 6 --strict --out parts --resume " MODEL);
    static unsigned char one[1 << 18], two[1 << 18];
    const size_t n = read_file(at("whole/model.safetensors"), one, sizeof one);
    assert_int_equal(read_file(at("parts/model.safetensors"), two, sizeof two), n);
    assert_memory_equal(one, two, n);
}

/* ---- predict ------------------------------------------------------------------------------------- */

/* The same predictions as one object; a file that cannot be read is missing there, too. */
static void check_predictions_json(void)
{
    char class[16];
    double probability;
    write_file(at("fake.png"), "not a picture", 13);
    succeeds("predict guesses good/val/classb/000.png");
    assert_int_equal(sscanf(seen.out, "%*[^\t]\t%15s %lf", class, &probability), 2);
    run_line("predict guesses good/val/classa/001.JPEG fake.png good/val/classb/000.png --json");
    EXPECT(2, "1 of 3 images cannot be read");
    assert_ptr_equal(strchr(seen.out, '\n'), seen.out + strlen(seen.out) - 1);
    cJSON *json = last_json(), *images = cJSON_GetObjectItemCaseSensitive(json, "images");
    assert_int_equal(cJSON_GetArraySize(images), 2);
    const cJSON *second = cJSON_GetArrayItem(images, 1);
    assert_string_equal(string(second, "file"), "good/val/classb/000.png");
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(second, "classes");
    assert_int_equal(cJSON_GetArraySize(classes), 3);
    assert_string_equal(string(cJSON_GetArrayItem(classes, 0), "class"), class);
    const double found = number(cJSON_GetArrayItem(classes, 0), "probability");
    assert_true(found > probability - 1e-4);
    assert_true(found < probability + 1e-4);
    assert_true(number(json, "images_per_second") > 0);
    assert_true(number(json, "first_image_ms") > 0);
    cJSON_Delete(json);
    fails(2, "predict nowhere good/val/classa/001.JPEG --json", "nowhere");
}
#define check_predictions_json(...) FROM_HERE(check_predictions_json(__VA_ARGS__))

/* Lines of "path, class probability, ..." whose first class is right where eval says so. */
static void predictions_agree_with_evaluation(void **state)
{
    char arguments[1500] = "predict guesses";
    succeeds("train vit --data good --steps 60 --lr 3e-3 --augment flip --out guesses " MODEL);
    cJSON *json = json_of("eval guesses --data good --confusion guesses.tsv");
    const double top1 = number(json, "top1");
    cJSON_Delete(json);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 3; i++)
            snprintf(arguments + strlen(arguments), sizeof arguments - strlen(arguments),
                     " good/val/class%c/%03d.%s", 'a' + c, i, i % 3 ? "JPEG" : "png");
    succeeds(arguments);
    int lines = 0, right = 0;
    for (char *line = seen.out; *line != '\0'; line = strchr(line, '\n') + 1, lines++) {
        char path[64], names[3][16];
        double p[3];
        assert_int_equal(sscanf(line, "%63[^\t]\t%15s %lf\t%15s %lf\t%15s %lf\n", path, names[0], &p[0],
                                names[1], &p[1], names[2], &p[2]),
                         7);
        char want[64];
        snprintf(want, sizeof want, "good/val/class%c/%03d.", 'a' + lines / 3, lines % 3);
        assert_non_null(strstr(path, want));
        assert_true(p[0] >= p[1]);
        assert_true(p[1] >= p[2]);
        assert_true(p[0] + p[1] + p[2] > 0.999);
        assert_true(p[0] + p[1] + p[2] < 1.001);
        assert_true(strcmp(names[0], names[1]) != 0);
        assert_true(strcmp(names[1], names[2]) != 0);
        right += strstr(path, names[0]) != NULL;
    }
    assert_int_equal(lines, 9);
    assert_true(right * 100.0 / 9 - top1 < 1e-9);
    assert_true(top1 - right * 100.0 / 9 < 1e-9);
    assert_true(right >= 6);

    check_predictions_json();
    succeeds("predict guesses good/val/classa/001.JPEG good/val/classb/000.png --attention look.png --head 1 "
             "--layer 0");
    static unsigned char first[1 << 18], second[1 << 18];
    const size_t n = read_file(at("look.png"), first, sizeof first);
    assert_true(memcmp(first + 1, "PNG", 3) == 0);
    assert_int_equal(first[18] << 8 | first[19], 2 * 240 + 4); /* 24 pixels, ten times as large, twice */
    assert_int_equal(first[22] << 8 | first[23], 2 * 240);
    succeeds("predict guesses good/val/classa/001.JPEG good/val/classb/000.png --attention look.png --head 0 "
             "--layer 0");
    assert_false(read_file(at("look.png"), second, sizeof second) == n && memcmp(first, second, n) == 0);

    fails(2, "predict guesses", "a checkpoint and at least one image", "predict --help");
    fails(2, "predict nowhere good/val/classa/001.JPEG", "nowhere", "");
    fails(2, "predict guesses nowhere.png", "nowhere.png: No such file", "");
    fails(2, "predict guesses fake.png", "fake.png is no JPEG, PNG", "");
    fails(2, "predict guesses good/val/classa/001.JPEG --layer 0", "--attention FILE.png", "");
    fails(2, "predict guesses good/val/classa/001.JPEG --attention x.png --layer 1", "no block 1", "0 to 0");
    fails(2, "predict guesses good/val/classa/001.JPEG --attention x.png --head 2", "no head 2", "0 to 1");
    assert_int_not_equal(access(at("x.png"), F_OK), 0);
    /* without a class token there is nothing to paint */
    succeeds("train vit --data good --steps 1 --pool mean --out mean " MODEL);
    succeeds("predict mean good/val/classa/001.JPEG");
    fails(2, "predict mean good/val/classa/001.JPEG --attention x.png", "no class token", "");
    fails(2, "predict tree.safetensors good/val/classa/001.JPEG", "tree.safetensors", "");
}

/* What a prediction sees of a large JPEG, shown by the left half of its picture of attention, is what torchvision sees. */
static void predict_decodes_in_full(void **state)
{
    enum { SIDE = 224 };
    succeeds("train vit --data good --steps 1 --image-size 224 --patch-size 56 --dim 16 --depth 1 --heads 2 "
             "--head-dim 8 "
             "--batch-size 8 --exact-decode --out large");
    uint8_t *scene = draw_scene(2000, 1500);
    static uint8_t want[SIDE * SIDE * 3];
    write_jpeg(at("scene.jpg"), scene, 2000, 1500, 3, 92, 0, 0);
    free(scene);
    uint32_t width, height;
    uint8_t *pixels = decode_whole_jpeg(at("scene.jpg"), &width, &height);
    pillow_resize_centre(pixels, width, height, SIDE, want);
    free(pixels);
    succeeds("predict large scene.jpg --attention scene.png");
    tli_bytes bytes = {0};
    tli_image picture = {0};
    tl_error err = {0};
    assert_int_equal(tli_bytes_read(&bytes, at("scene.png"), &err), TL_OK);
    assert_int_equal(tli_image_decode(&bytes, "scene.png", 1, &picture, &err), TL_OK);
    assert_int_equal(picture.height, SIDE);
    for (uint32_t y = 0; y < SIDE; y++)
        assert_memory_equal(picture.pixels + (size_t)y * picture.width * 3, want + y * SIDE * 3, SIDE * 3);
    tli_bytes_free(&bytes);
    tli_image_free(&picture);
    fails(2, "train mnist --exact-decode", "--exact-decode", "vit");
}

/* The digits of the test set as files: as many are right as evaluation says. */
static void digits_of_files_are_named(void **state)
{
    enum { DIGITS = 20 };
    char arguments[1500] = "predict digits";
    tli_dataset set;
    tl_error err = {0};
    assert_int_equal(tli_digits_draw(0, 0, DIGITS, &set, &err), TL_OK);
    for (int i = 0; i < DIGITS; i++) {
        char name[32];
        snprintf(name, sizeof name, "digit-%d.png", i);
        write_png(at(name), set.pixels + i * 784, 28, 28, 8, PNG_COLOR_TYPE_GRAY, 0, 0);
        snprintf(arguments + strlen(arguments), sizeof arguments - strlen(arguments), " %s", name);
    }
    cJSON *json = json_of(
        "train mnist --image-size 36 --patch-size 6 --dim 16 --depth 1 --heads 2 --head-dim 8 "
        "--limit-train 640 --limit-test 20 --batch-size 16 --epochs 20 --lr 5e-3 --out digits");
    const double top1 = number(json, "top1_static");
    cJSON_Delete(json);
    succeeds(arguments);
    int lines = 0, right = 0;
    for (char *line = seen.out; *line != '\0'; line = strchr(line, '\n') + 1, lines++) {
        int found = -1;
        assert_int_equal(sscanf(line, "%*[^\t]\t%d ", &found), 1);
        right += found == set.labels[lines];
    }
    tli_dataset_free(&set);
    assert_int_equal(lines, DIGITS);
    assert_true(right * 5.0 - top1 < 1e-9);
    assert_true(top1 - right * 5.0 < 1e-9);
    assert_true(right > 4); /* more than chance, which is two */
    succeeds("train gpt --steps 1 --dim 16 --depth 1 --heads 2 --head-dim 8 --seq-len 8 --vocab-size 300 "
             "--limit-test 2 --batch-size 2 --out text");
    fails(2, "predict text digit-0.png", "those of mnist and vit are", "text");
}

/* ---- bench loader -------------------------------------------------------------------------------- */

static void loading_is_timed(void **state)
{
    succeeds("bench loader --data good --image-size 24 --batch-size 8 --rounds 3 --show sheet.png");
    assert_non_null(strstr(seen.out, "images/s"));
    static unsigned char sheet[1 << 18];
    const size_t bytes = read_file(at("sheet.png"), sheet, sizeof sheet);
    assert_true(bytes > 500);
    assert_true(memcmp(sheet + 1, "PNG", 3) == 0);
    assert_int_equal(sheet[19], (8 * 26 + 2) & 255); /* eight pictures in a row, 2 pixels between */
    assert_int_equal(sheet[23], 28);
    cJSON *json = json_of("bench loader --data good --image-size 24 --batch-size 8 --rounds 3 --workers 2 "
                          "--augment crop,flip --json");
    assert_true(number(json, "images") == 24);
    assert_true(number(json, "workers") == 2);
    assert_true(number(json, "damaged") == 0);
    assert_true(number(json, "images_per_second") > 0);
    assert_true(number(json, "images_per_core_second") > 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "augment")), "crop,flip");
    cJSON_Delete(json);
    json = json_of("bench loader --limit-train 30 --image-size 32 --batch-size 10 --rounds 2 --json");
    assert_true(number(json, "images") == 20);
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_folders_are_refused),
        cmocka_unit_test(wrong_flags_are_refused),
        cmocka_unit_test(a_plan_needs_no_data),
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(nothing_is_lost_by_a_bad_file),
        cmocka_unit_test(loading_is_timed),
        cmocka_unit_test(predictions_agree_with_evaluation),
        cmocka_unit_test(digits_of_files_are_named),
        cmocka_unit_test(predict_decodes_in_full),
    };
    return cmocka_run_group_tests(tests, make_image_folder, remove_folder);
}
