/* `eval --attention-maps`: means of the attention weights, by offset and of the class token, and the report of them. */
#include <math.h>

#include "program.h"
#include "translution/translution.h"

#define MODEL                                                                                                \
    "--quiet", "--dim", "16", "--depth", "2", "--heads", "2", "--head-dim", "8", "--image-size", "84x72",    \
        "--patch-size", "12x24", "--steps", "2", "--batch-size", "16", "--limit-train", "32",                \
        "--limit-test", "24"
enum { ROWS = 7, COLUMNS = 3, PATCHES = ROWS * COLUMNS, TOKENS = PATCHES + 1, HEADS = 2 };
enum { WIDE = 2 * COLUMNS - 1, PLANE = (2 * ROWS - 1) * WIDE, OFFSETS = PLANE + 3 };

static void read_tensor(const char *name, const char *tensor, float *values, uint64_t count)
{
    tl_error err;
    tl_file *file = NULL;
    assert_int_equal(tl_file_open(at(name), &file, &err), TL_OK);
    assert_int_equal(tl_file_read(file, tensor, 0, count, values, &err), TL_OK);
    tl_file_close(file);
}
#define read_tensor(...) FROM_HERE(read_tensor(__VA_ARGS__))

/* Pairs of tokens at an offset from key to query. */
static double pairs_at(int offset)
{
    if (offset == PLANE) return 1;
    if (offset > PLANE) return PATCHES;
    return (ROWS - abs(offset / WIDE - (ROWS - 1))) * (COLUMNS - abs(offset % WIDE - (COLUMNS - 1)));
}

/* Weights of a query add up to one: those of all pairs to the number of tokens, those of the class token to one, and what it gives
 * to patches is the same by offset and by patch. */
static void check_sums(const char *name)
{
    static float offsets[HEADS * OFFSETS], class_token[2][HEADS * PATCHES];
    read_tensor(name, "layers.0.offsets", offsets, HEADS * OFFSETS);
    read_tensor(name, "layers.0.class_token", class_token[0], HEADS * PATCHES);
    read_tensor(name, "layers.1.class_token", class_token[1], HEADS * PATCHES);
    for (int h = 0; h < HEADS; h++) {
        double all = 0, patches[2] = {0, 0};
        for (int k = 0; k < OFFSETS; k++) all += pairs_at(k) * (double)offsets[h * OFFSETS + k];
        for (int b = 0; b < 2; b++)
            for (int i = 0; i < PATCHES; i++) patches[b] += (double)class_token[b][h * PATCHES + i];
        assert_true(fabs(all - TOKENS) < 1e-4);
        assert_true(fabs(patches[0] + (double)offsets[h * OFFSETS + PLANE] - 1) < 1e-5);
        assert_true(fabs(patches[0] - PATCHES * (double)offsets[h * OFFSETS + PLANE + 1]) < 1e-5);
        assert_true(patches[1] > 0 && patches[1] < 1);
    }
}
#define check_sums(...) FROM_HERE(check_sums(__VA_ARGS__))

static void weights_add_up(void **state)
{
    static float whole[HEADS * OFFSETS], parts[HEADS * OFFSETS];
    RUN(NO_ENV, "train", "mnist", MODEL, "--op", "alpha", "--out", at("alpha"));
    EXPECT(0, "");
    RUN(NO_ENV, "eval", at("alpha"), "--quiet", "--attention-maps", at("alpha/attention.safetensors"));
    EXPECT(0, "");
    check_sums("alpha/attention.safetensors");
    /* By other batches, the last of them smaller: the same. */
    RUN(NO_ENV, "eval", at("alpha"), "--quiet", "--batch-size", "7", "--attention-maps",
        at("parts.safetensors"));
    EXPECT(0, "");
    read_tensor("alpha/attention.safetensors", "layers.0.offsets", whole, HEADS * OFFSETS);
    read_tensor("parts.safetensors", "layers.0.offsets", parts, HEADS * OFFSETS);
    for (int i = 0; i < HEADS * OFFSETS; i++) assert_true(fabs((double)(whole[i] - parts[i])) < 1e-6);
}

/* Farther away than a window there is nothing; without a class token the last block has a map, too. */
static void a_window_is_seen(void **state)
{
    static float offsets[HEADS * PLANE];
    RUN(NO_ENV, "train", "mnist", MODEL, "--window", "1", "--pool", "mean", "--out", at("window"));
    EXPECT(0, "");
    RUN(NO_ENV, "eval", at("window"), "--quiet", "--attention-maps", at("window.safetensors"));
    EXPECT(0, "");
    read_tensor("window.safetensors", "layers.1.offsets", offsets, HEADS * PLANE);
    for (int k = 0; k < PLANE; k++) {
        const bool near = abs(k / WIDE - (ROWS - 1)) <= 1 && abs(k % WIDE - (COLUMNS - 1)) <= 1;
        assert_true(near ? offsets[k] > 0 : offsets[k] == 0);
    }
}

static void the_report_shows_them(void **state)
{
    if (system("gnuplot --version >/dev/null 2>&1") != 0)
        skip_because("no gnuplot, which draws the curves", "install gnuplot-nox");
    RUN(NO_ENV, "report", at("alpha"), "--out", at("page.html"));
    EXPECT(0, "");
    char *page = read_all("page.html", NULL);
    assert_says(page, "<h2 id=\"attention\">Attention</h2>");
    assert_says(page, "<p>Averaged over 24 test images.</p>");
    assert_says(page, "<h3>layers.0.offsets, head 1</h3>");
    assert_says(page, "<h3>layers.1.class_token, head 0</h3>");
    assert_null(strstr(page, "layers.1.offsets"));
    free(page);
    write_text("alpha/attention.safetensors", "no maps");
    RUN(NO_ENV, "report", at("alpha"), "--out", at("page.html"));
    EXPECT(0, "");
    page = read_all("page.html", NULL);
    assert_says(page, "attention.safetensors");
    assert_says(page, "<p class=\"fault\">");
    free(page);
}

static void mistakes_are_named(void **state)
{
    RUN(NO_ENV, "train", "mnist", MODEL, "--op", "conv", "--window", "3", "--out", at("conv"));
    EXPECT(0, "");
    fails(2, "eval conv --attention-maps maps.safetensors", "this model has no attention weights", "");
    RUN(NO_ENV, "train", "gpt", "--quiet", "--dim", "16", "--depth", "1", "--heads", "2", "--head-dim", "8",
        "--steps", "1", "--seq-len", "16", "--vocab-size", "50", "--batch-size", "2", "--samples-per-epoch",
        "4", "--limit-test", "4", "--out", at("text"));
    EXPECT(0, "");
    fails(2, "eval text --attention-maps maps.safetensors", "--attention-maps means nothing to the task gpt",
          "");
    fails(2, "eval window --attention-maps window/model.safetensors", "would write over", "");
    fails(1, "eval window --attention-maps no/maps.safetensors",
          "cannot write the maps of the attention no/maps.safetensors", "No such");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_add_up),
        cmocka_unit_test(a_window_is_seen),
        cmocka_unit_test(the_report_shows_them),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
