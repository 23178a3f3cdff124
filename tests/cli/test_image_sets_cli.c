/* What the program says of the files of a set, from outside: what was found and what was not read, in words and in numbers; and
 * what it does about files that cannot be read. */
#include "image_tree.h"
#include "program.h"

#include "core/text.h"
#include "data/image_decode.h"

/* An object of the metrics of a run that has `key`, the last one; the caller deletes it. */
static cJSON *metrics_with(const char *run, const char *key)
{
    char name[300];
    static char text[TEXT];
    snprintf(name, sizeof name, "%s/metrics.jsonl", run);
    read_file(name, text, TEXT);
    cJSON *found = NULL;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *json = cJSON_Parse(line);
        assert_non_null(json);
        if (cJSON_GetObjectItemCaseSensitive(json, key) == NULL) {
            cJSON_Delete(json);
            continue;
        }
        cJSON_Delete(found);
        found = json;
    }
    assert_non_null(found);
    return found;
}
#define metrics_with(...) VALUE_FROM_HERE(metrics_with(__VA_ARGS__))

static void says(const char *words)
{
    if (strstr(seen.err, words) == NULL) fail_msg("no '%s' in:\n%s", words, seen.err);
}
#define says(...) FROM_HERE(says(__VA_ARGS__))

static void touch(const char *name)
{
    write_file(at(name), "something", 9);
}

/* ---- what is found ------------------------------------------------------------------------------- */

static void results_count_the_files(void **state)
{
    mkdir(at("mixed"), 0755);
    put_tree(at("mixed"), 2, 6, 4);
    touch("mixed/train/classa/a.gif"), touch("mixed/train/classb/B.GIF"), touch("mixed/train/classb/c.Gif");
    touch("mixed/train/classa/notes.txt"), touch("mixed/train/classa/list");
    touch("mixed/train/classa/.hidden.jpg"), touch("mixed/train/classa/.DS_Store");
    touch("mixed/train/readme.txt"),
        touch("mixed/train/stray.jpg"); /* beside the classes: of images a word is said */
    mkdir(at("mixed/train/classa/below"), 0755);
    touch("mixed/train/classa/below/movie.mp4");
    touch("mixed/val/classb/a.strange-suffix-too-long-to-be-one");
    cJSON *json = json_of("train vit --data mixed --steps 2 --eval-every 1 --out counted " MODEL);
    says("mixed/train: 12 images of 2 classes; ignored 8 files: 3 .gif, 1 .mp4, 1 .txt, 1 hidden image, 1 "
         "outside a class, 1 "
         "without suffix\n");
    says("mixed/val: 8 images of 2 classes; ignored 1 files: 1 other\n");
    assert_true(number(json, "images") == 12);
    assert_true(number(json, "passed_over") == 0);
    assert_true(number(json, "ignored") == 8);
    assert_true(number(json, "test_images") == 8);
    assert_true(number(json, "test_passed_over") == 0);
    assert_true(number(json, "test_ignored") == 1);
    assert_true(number(json, "classes") == 2);
    cJSON_Delete(json);
    json = metrics_with("counted", "top1");
    assert_true(number(json, "images") == 8);
    assert_true(number(json, "passed_over") == 0);
    cJSON_Delete(json);
    /* a limit, and a damaged file of each set */
    touch("mixed/train/classa/001.JPEG"), touch("mixed/val/classb/002.JPEG");
    json = json_of("train vit --data mixed --steps 4 --limit-train 7 --limit-test 6 --out limited " MODEL);
    says("mixed/train: 7 of 12 images of 2 classes;");
    says("mixed/val: 6 of 8 images of 2 classes;");
    assert_true(number(json, "images") == 6);
    assert_true(number(json, "passed_over") == 1);
    assert_true(number(json, "test_images") == 5);
    assert_true(number(json, "test_passed_over") == 1);
    cJSON_Delete(json);
    json = metrics_with("limited", "top1");
    assert_true(number(json, "images") == 5);
    assert_true(number(json, "passed_over") == 1);
    cJSON_Delete(json);
    json = json_of("eval limited --data mixed --limit-test 8");
    says("mixed/val: 8 images of 2 classes;");
    assert_null(strstr(seen.err, "mixed/train"));
    assert_true(number(json, "images") == 7);
    assert_true(number(json, "passed_over") == 1);
    assert_true(number(json, "ignored") == 1);
    assert_null(cJSON_GetObjectItem(json, "test_images"));
    cJSON_Delete(json);
    json = json_of("train vit --steps 1 --limit-train 16 --limit-test 20 --out drawn " MODEL);
    assert_true(number(json, "images") == 16);
    assert_true(number(json, "test_images") == 20);
    cJSON_Delete(json);
}

/* A file is named once, however often it is tested. */
static void a_file_is_named_once(void **state)
{
    mkdir(at("often"), 0755);
    put_tree(at("often"), 2, 6, 4);
    touch("often/val/classa/001.JPEG");
    succeeds("train vit --data often --steps 4 --eval-every 1 --out often-run " MODEL);
    const char *first = strstr(seen.err, "often/val/classa/001.JPEG");
    assert_non_null(first);
    assert_null(strstr(first + 1, "often/val/classa/001.JPEG"));
    first = strstr(seen.err, "evaluated without them");
    assert_non_null(first);
    assert_null(strstr(first + 1, "evaluated without them"));
}

/* All of a class that can be read is nothing: training ends with the first epoch, evaluation where it finds out. */
static void a_class_without_images_ends_the_run(void **state)
{
    mkdir(at("gone"), 0755);
    put_tree(at("gone"), 3, 6, 4);
    succeeds("train vit --data gone --steps 1 --out gone-run " MODEL);
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "gone/val/classb/%03d.%s", i, i % 3 ? "JPEG" : "png");
        touch(name);
    }
    fails(2, "eval gone-run --data gone", "no image of the class classb in gone/val can be read", "");
    put_tree(at("gone"), 3, 6, 4);
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "gone/train/classc/%03d.%s", i, i % 3 ? "JPEG" : "png");
        touch(name);
    }
    /* three steps an epoch of 18 images */
    fails(2, "train vit --data gone --steps 30 --out gone-too " MODEL,
          "no image of the class classc in gone/train", "");
    cJSON *json = metrics_with("gone-too", "lr");
    assert_true(number(json, "step") <= 3);
    cJSON_Delete(json);
    /* of a class that the limit leaves out nothing is asked */
    succeeds("eval gone-run --data gone --limit-test 2");
}

static void remarks_on_folders_are_said(void **state)
{
    static unsigned char data[8192];
    static const char *const turned[] = {"turned.jpg", "turned.png", "turned.webp", "deep.png"};
    mkdir(at("odd"), 0755);
    put_tree(at("odd"), 2, 6, 4);
    for (int i = 0; i < 4; i++) {
        char from[400], to[100];
        snprintf(from, sizeof from, "%s/images/%s", TL_GOLDEN_DIR, turned[i]);
        snprintf(to, sizeof to, "odd/train/classa/%s", turned[i]);
        write_file(at(to), data, read_file(from, data, sizeof data));
        snprintf(to, sizeof to, "odd/val/classb/%s", turned[i]);
        write_file(at(to), data, read_file(from, data, sizeof data));
    }
    succeeds("train vit --data odd --steps 6 --workers 2 --out odd-run " MODEL); /* three epochs */
    says(" carries an orientation, which is not applied, as in torchvision");
    says("3 files of odd/train carry an orientation, which is not applied\n");
    says("3 files of odd/val carry an orientation, which is not applied\n");
    says("odd/train/classa/deep.png is greyscale of more than 8 bits");
    says("1 files of odd/val are greyscale of more than 8 bits");
    succeeds("eval odd-run --data odd --quiet");
    assert_null(strstr(seen.err, "orientation"));
}

/* Every format that torchvision's folders have is read from folders, in any case of its suffix. */
static void every_format_is_read(void **state)
{
    static const struct {
        const char *golden, *name;
    } files[] = {{"rgb.jpg", "a.JPG"}, {"rgb.jpg", "b.jpeg"},      {"rgb.png", "c.Png"},
                 {"rgb.ppm", "d.ppm"}, {"rgb.bmp", "e.BMP"},       {"grey.pgm", "f.pgm"},
                 {"rgb.tif", "g.tif"}, {"rgb_lzw.tiff", "h.TIFF"}, {"lossy.webp", "i.webp"}};
    enum { FILES = sizeof files / sizeof *files };
    static unsigned char data[8192];
    char from[400], to[100];
    static const char *const folders[] = {"all",         "all/train", "all/val",  "all/train/x",
                                          "all/train/y", "all/val/x", "all/val/y"};
    for (int i = 0; i < 7; i++) mkdir(at(folders[i]), 0755);
    for (int k = 3; k < 7; k++)
        for (int i = 0; i < FILES; i++) {
            snprintf(from, sizeof from, "%s/images/%s", TL_GOLDEN_DIR, files[i].golden);
            snprintf(to, sizeof to, "%s/%s", folders[k], files[i].name);
            write_file(at(to), data, read_file(from, data, sizeof data));
        }
    cJSON *json = json_of("train vit --data all --steps 3 --strict --out all-run " MODEL);
    assert_true(number(json, "images") == 2 * FILES);
    assert_true(number(json, "test_images") == 2 * FILES);
    cJSON_Delete(json);
    assert_null(strstr(seen.err, "ignored"));
}

/* ---- predict ------------------------------------------------------------------------------------- */

static int lines_of(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++) count += *text == '\n';
    return count;
}

static void predict_goes_on_after_a_bad_file(void **state)
{
    succeeds("train vit --data good --steps 1 --out predicts " MODEL);
    touch("bad-1.png"), touch("bad-2.jpg");
    run_line("predict predicts good/val/classa/000.png bad-1.png good/val/classb/001.JPEG "
             "nowhere.png bad-2.jpg "
             "good/val/classc/002.JPEG --attention goes-on.png --quiet");
    assert_int_equal(seen.code, 2);
    assert_int_equal(lines_of(seen.out), 3);
    assert_non_null(strstr(seen.out, "classa/000.png"));
    assert_non_null(strstr(seen.out, "classc/002.JPEG"));
    says("skipped: bad-1.png is no JPEG");
    says("skipped: nowhere.png: No such file");
    says("skipped: bad-2.jpg is no JPEG");
    says("translution: 3 of 6 images cannot be read; the first: bad-1.png is no JPEG");
    static unsigned char data[1 << 18];
    read_file(at("goes-on.png"), data, sizeof data);
    assert_int_equal(data[22] << 8 | data[23], 3 * 240); /* rows of three good ones */
    run_line("predict predicts bad-1.png --attention none.png");
    assert_int_equal(seen.code, 2);
    assert_int_equal(lines_of(seen.out), 0);
    assert_int_not_equal(access(at("none.png"), F_OK), 0);
}

/* Neither by its name nor by another is anything written that is read. */
static void inputs_are_spared(void **state)
{
    static unsigned char before[65536], after[65536];
    const size_t bytes = read_file(at("good/val/classa/000.png"), before, sizeof before);
    assert_int_equal(link(at("good/val/classa/000.png"), at("hard.png")), 0);
    assert_int_equal(symlink("good/val/classa/000.png", at("soft.png")), 0);
    const char *const targets[] = {"good/val/classa/000.png", "good/val/../val/classa/000.png", "hard.png",
                                   "soft.png", "predicts/model.safetensors"};
    for (int i = 0; i < 5; i++) {
        char line[300];
        snprintf(line, sizeof line,
                 "predict predicts good/val/classb/000.png good/val/classa/000.png --attention %s",
                 targets[i]);
        fails(2, line, "--attention would write over", targets[i]);
    }
    fails(2,
          "predict predicts/model.safetensors good/val/classa/000.png --attention predicts/model.safetensors",
          "--attention would write over", "model.safetensors");
    fails(2, "eval predicts --data good --confusion predicts/model.safetensors",
          "--confusion would write over", "model.safetensors");
    assert_int_equal(read_file(at("good/val/classa/000.png"), after, sizeof after), bytes);
    assert_memory_equal(before, after, bytes);
    unlink(at("hard.png")), unlink(at("soft.png"));
}

/* Many images make several files, each of a height that this program reads as well; a page spares inputs, too. */
static void many_images_make_pages(void **state)
{
    enum { IMAGES = 100, ROWS = 240, PAGE = 16384 / ROWS };
    static unsigned char data[1 << 16];
    mkdir(at("many"), 0755);
    const size_t bytes = read_file(at("good/val/classa/000.png"), data, sizeof data);
    for (int i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%03d.png", i);
        write_file(at(name), data, bytes);
    }
    succeeds("predict predicts many/*.png --attention pages.png");
    assert_int_equal(lines_of(seen.out), IMAGES);
    const struct {
        const char *name;
        uint32_t images;
    } pages[] = {{"pages.png", PAGE}, {"pages-2.png", IMAGES - PAGE}};
    for (int i = 0; i < 2; i++) {
        tli_bytes file = {0};
        tl_error err = {0};
        uint32_t width, height;
        assert_int_equal(tli_bytes_read(&file, at(pages[i].name), &err), TL_OK);
        assert_int_equal(tli_image_size(&file, pages[i].name, &width, &height, &err), TL_OK);
        assert_int_equal(height, pages[i].images * ROWS);
        tli_bytes_free(&file);
    }
    assert_int_not_equal(access(at("pages-3.png"), F_OK), 0);
    assert_int_equal(rename(at("many/099.png"), at("many-2.png")), 0);
    run_line("predict predicts many/*.png many-2.png --attention many.png");
    assert_int_equal(seen.code, 2);
    says("--attention would write over many-2.png");
    assert_int_equal(read_file(at("many-2.png"), data, sizeof data), bytes);
}

/* ---- names that are any bytes --------------------------------------------------------------------- */

/* Class folders: one that is no UTF-8, twice with another byte, and ones with the characters that tables are made of. */
static const char *const strange[] = {"a\tb", "back\\slash", "caf\xc3\xa9", "caf\xe8", "caf\xe9", "x\ny"};
static const char *const strange_text[] = {"a\tb",     "back\\slash", "caf\xc3\xa9",
                                           "caf\\xe8", "caf\\xe9",    "x\ny"};
static const char *const strange_cell[] = {"a\\tb",      "back\\\\slash", "caf\xc3\xa9",
                                           "caf\\\\xe8", "caf\\\\xe9",    "x\\ny"};
enum { STRANGE = 6 };

static void put_strange(const char *root, const char *const *names)
{
    mkdir(at(root), 0755);
    for (int split = 0; split < 2; split++)
        for (uint32_t c = 0; c < STRANGE; c++)
            for (int i = 0; i < 2; i++) put_image(at(root), split ? "val" : "train", names[c], i, c);
}

static void expect_names(const cJSON *array)
{
    assert_int_equal(cJSON_GetArraySize(array), STRANGE);
    for (int i = 0; i < STRANGE; i++)
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(array, i)), strange_text[i]);
}
#define expect_names(...) FROM_HERE(expect_names(__VA_ARGS__))

/* The header of a checkpoint is UTF-8 and has the names. */
static void check_header(const char *path)
{
    static char data[1 << 20];
    const size_t bytes = read_file(path, (unsigned char *)data, sizeof data);
    size_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | (unsigned char)data[i];
    assert_true(length + 8 <= bytes);
    data[8 + length] = '\0';
    assert_true(tli_text_is_utf8(data + 8));
    cJSON *header = cJSON_Parse(data + 8);
    const cJSON *metadata = cJSON_GetObjectItem(header, "__metadata__");
    cJSON *names = cJSON_Parse(cJSON_GetStringValue(cJSON_GetObjectItem(metadata, "class_names")));
    expect_names(names);
    cJSON_Delete(names);
    cJSON_Delete(header);
}
#define check_header(...) FROM_HERE(check_header(__VA_ARGS__))

/* Splits the next line off; its cells go to `cells`. Returns how many there are. */
static int next_row(char **text, char *cells[STRANGE + 2])
{
    char *line = *text, *end = strchr(line, '\n');
    assert_non_null(end);
    *end = '\0';
    *text = end + 1;
    int count = 0;
    for (char *cell = line; cell != NULL; count++) {
        char *tab = strchr(cell, '\t');
        if (tab != NULL) *tab++ = '\0';
        assert_true(count < STRANGE + 2);
        cells[count] = cell;
        cell = tab;
    }
    return count;
}
#define next_row(...) VALUE_FROM_HERE(next_row(__VA_ARGS__))

static void check_table(const char *name)
{
    static char table[TEXT];
    char *text = table, *cells[STRANGE + 2];
    read_file(name, table, TEXT);
    assert_true(tli_text_is_utf8(table));
    assert_int_equal(next_row(&text, cells), STRANGE + 1);
    for (int c = 0; c < STRANGE; c++) assert_string_equal(cells[1 + c], strange_cell[c]);
    for (int r = 0; r < STRANGE; r++) {
        assert_int_equal(next_row(&text, cells), STRANGE + 1);
        assert_string_equal(cells[0], strange_cell[r]);
    }
    assert_string_equal(text, "");
}
#define check_table(...) FROM_HERE(check_table(__VA_ARGS__))

static void strange_names_are_kept(void **state)
{
    static const char run_text[] = "run\\xff\t2";
    char path[600];
    put_strange("strange", strange);
    cJSON *json = json_of("train vit --data strange --steps 2 --out 'run\xff\t2' " MODEL);
    assert_true(tli_text_is_utf8(seen.out));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "out")), run_text);
    cJSON_Delete(json);
    snprintf(path, sizeof path, "%s/run\xff\t2/model.safetensors", folder);
    check_header(path);
    json = json_of("eval 'run\xff\t2' --data strange --confusion strange.tsv");
    assert_true(number(json, "images") == 2 * STRANGE);
    cJSON_Delete(json);
    check_table("strange.tsv");
    succeeds("predict 'run\xff\t2' 'strange/val/x\ny/000.png' 'strange/val/caf\xe9/001.JPEG'");
    assert_true(tli_text_is_utf8(seen.out));
    assert_int_equal(lines_of(seen.out), 2);
    char *text = seen.out, *cells[STRANGE + 2];
    assert_int_equal(next_row(&text, cells), 6);
    assert_string_equal(cells[0], "strange/val/x\\ny/000.png");
    assert_int_equal(next_row(&text, cells), 6);
    assert_string_equal(cells[0], "strange/val/caf\\\\xe9/001.JPEG");
    for (int i = 1; i < 6; i++) {
        bool known = false;
        for (int c = 0; c < STRANGE; c++) {
            const size_t length = strlen(strange_cell[c]);
            known |= strncmp(cells[i], strange_cell[c], length) == 0 && cells[i][length] == ' ';
        }
        assert_true(known);
    }
    /* a class whose name differs in one byte that is no UTF-8 is another class */
    const char *others[STRANGE];
    memcpy(others, strange, sizeof others);
    others[3] = "caf\xe7";
    put_strange("others", others);
    fails(2, "eval 'run\xff\t2' --data others", "caf", "the classes must be the same");
    succeeds("train vit --data strange --steps 4 --stop-after 2 --out stopped " MODEL);
    fails(2, "train vit --data others --steps 4 --resume --out stopped " MODEL, "", "");
    succeeds("train vit --data strange --steps 4 --resume --out stopped " MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_count_the_files),
        cmocka_unit_test(a_file_is_named_once),
        cmocka_unit_test(a_class_without_images_ends_the_run),
        cmocka_unit_test(remarks_on_folders_are_said),
        cmocka_unit_test(every_format_is_read),
        cmocka_unit_test(predict_goes_on_after_a_bad_file),
        cmocka_unit_test(inputs_are_spared),
        cmocka_unit_test(many_images_make_pages),
        cmocka_unit_test(strange_names_are_kept),
    };
    return cmocka_run_group_tests(tests, make_image_folder, remove_folder);
}
