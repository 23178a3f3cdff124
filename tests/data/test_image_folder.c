/* Folders of images: order, labels and limits as torchvision's ImageFolder; what is wrong with a folder is
 * said by name. */
#include "files.h"

#include "data/image_folder.h"

/* Makes a file with all folders above it; a name that ends in / makes folders alone. */
static void put(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    if (path[strlen(path) - 1] != '/') write_file(path, "x", 1);
}

static void refused_at(const char *file, int line, const char *split, const char *says, const char *also)
{
    tli_image_folder f;
    tl_error err = {0};
    assert_int_equal(tli_image_folder_open(folder, split, 0, &f, &err), TL_ERROR_INPUT);
    if (strstr(err.text, says) == NULL || strstr(err.text, also) == NULL)
        fail_at(file, line, "\"%s\" without \"%s\" and \"%s\"", err.text, says, also);
    assert_true(f.count == 0);
    assert_true(f.paths == NULL);
    assert_true(f.class_names == NULL);
}
#define refused(...) refused_at(HERE, __VA_ARGS__)

static tli_image_folder opened(const char *split, uint32_t limit)
{
    tli_image_folder f;
    tl_error err = {0};
    if (tli_image_folder_open(folder, split, limit, &f, &err) != TL_OK) fail_msg("%s", err.text);
    return f;
}
#define opened(...) VALUE_FROM_HERE(opened(__VA_ARGS__))

static void expect(const tli_image_folder *f, uint32_t count, const char *const *paths,
                   const uint32_t *labels)
{
    assert_int_equal(f->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(f->paths[i], paths[i]);
        assert_int_equal(f->labels[i], labels[i]);
    }
}
#define expect(...) FROM_HERE(expect(__VA_ARGS__))

static void test_order(void **state)
{
    put("train/dog/b.png"), put("train/dog/a.JPEG"), put("train/dog/images/0.jpg");
    put("train/cat/10.jpg"), put("train/cat/2.JPG"), put("train/cat/notes.txt"), put("train/cat/._2.JPG");
    put("train/Ant/x.PnG"), put("train/.cache/x.png"), put("train/README.png"), put("train/Ant/jpg");
    const char *const paths[] = {"Ant/x.PnG",  "cat/10.jpg", "cat/2.JPG",
                                 "dog/a.JPEG", "dog/b.png",  "dog/images/0.jpg"};
    const uint32_t labels[] = {0, 1, 1, 2, 2, 2};
    for (int limit = 0; limit < 8; limit += 6) {
        tli_image_folder f = opened("train", (uint32_t)limit);
        assert_int_equal(f.classes, 3);
        assert_string_equal(f.class_names[0], "Ant");
        assert_string_equal(f.class_names[1], "cat");
        assert_string_equal(f.class_names[2], "dog");
        assert_string_equal(f.root, at("train"));
        expect(&f, 6, paths, labels);
        tli_image_folder_free(&f);
        assert_null(f.paths);
        tli_image_folder_free(&f);
    }
    /* four images, one a class in turns: Ant, cat, dog, cat */
    const char *const four[] = {"Ant/x.PnG", "cat/10.jpg", "cat/2.JPG", "dog/a.JPEG"};
    const uint32_t four_labels[] = {0, 1, 1, 2};
    tli_image_folder f = opened("train", 4);
    expect(&f, 4, four, four_labels);
    tli_image_folder_free(&f);
    f = opened("train", 2); /* fewer than the classes: the classes stay */
    expect(&f, 2, four, four_labels);
    assert_int_equal(f.classes, 3);
    tli_image_folder_free(&f);
}

static void test_what_is_wrong_is_named(void **state)
{
    tli_image_folder f;
    tl_error err = {0};
    assert_int_equal(tli_image_folder_open("/nonexistent", "train", 0, &f, &err), TL_ERROR_INPUT);
    assert_non_null(strstr(err.text, "no folder /nonexistent"));
    refused("train", "has no folder train", folder);
    put("train/");
    refused("train", "has no class folders", at("train"));
    put("train/one/a.png");
    refused("train", "only one class, one", at("train"));
    put("train/two/notes.txt");
    refused("train", "holds no image", at("train/two"));
    put("train/two/b.png");
    refused("val", "has no folder val", folder);
    /* a folder that may not be read, which a superuser may */
    put("train/three/c.png");
    assert_int_equal(chmod(at("train/three"), 0), 0);
    const int super = geteuid() == 0;
    if (super && seteuid(65534) != 0) skip_because("a superuser may read everything", "run as another user");
    refused("train", "cannot be read", at("train/three"));
    if (super) assert_int_equal(seteuid(0), 0);
    chmod(at("train/three"), 0755);
    f = opened("train", 0);
    assert_int_equal(f.classes, 3);
    tli_image_folder_free(&f);
    assert_int_equal(symlink("..", at("train/two/loop")), 0);
    refused("train", "a loop of links", at("train/"));
}

static void match(const char *says, const char *class_name)
{
    tli_image_folder train = opened("train", 0), val = opened("val", 0);
    tl_error err = {0};
    const tl_status status = tli_image_folder_match(&val, train.class_names, train.classes, train.root, &err);
    if (says == NULL) {
        assert_int_equal(status, TL_OK);
    } else {
        assert_int_equal(status, TL_ERROR_INPUT);
        if (strstr(err.text, says) == NULL || strstr(err.text, class_name) == NULL ||
            strstr(err.text, val.root) == NULL || strstr(err.text, train.root) == NULL)
            fail_msg("\"%s\" without \"%s %s\"", err.text, says, class_name);
    }
    tli_image_folder_free(&train);
    tli_image_folder_free(&val);
}
#define match(...) FROM_HERE(match(__VA_ARGS__))

static void test_match(void **state)
{
    put("train/b/1.png"), put("train/d/1.png"), put("val/b/1.png"), put("val/d/1.png");
    match(NULL, NULL);
    put("val/a/1.png");
    match("has the class a", "which");
    put("train/a/1.png");
    match(NULL, NULL);
    put("train/c/1.png");
    match("lacks the class c", "which");
    put("val/c/1.png"), put("val/e/1.png");
    match("has the class e", "which");
    put("train/e/1.png"), put("train/f/1.png");
    match("lacks the class f", "which");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_wrong_is_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_match, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
