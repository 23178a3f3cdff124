/* A saved model at pictures in memory says what the program says of the same pictures in files. */
#include "program.h"

#include "values.h"

#include "image_tree.h"

enum { DIGIT = 28, FIELD = 36, CORNER = (FIELD - DIGIT) / 2, CLASSES = 10 };

/* A stroke: grey, so that its RGB is what a model of digits sees. */
static void draw_digit(int number, uint8_t pixels[DIGIT * DIGIT * 3])
{
    for (int i = 0; i < DIGIT * DIGIT; i++) {
        const int y = i / DIGIT, x = i % DIGIT;
        const int level = abs(x - 10 - number) + abs(y - 14) / 4 < 4 ? 255 - 17 * abs(y - 14) : 0;
        memset(pixels + 3 * i, level > 0 ? level : 0, 3);
    }
}

/* "path\tclass 0.1234\t...", as `predict` prints it. */
static void print_guesses(tl_predictor *p, const char *path, const tl_guess *guesses, int count, char *line,
                          size_t capacity)
{
    size_t used = (size_t)snprintf(line, capacity, "%s", path);
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(line + used, capacity - used, "\t%s %.4f",
                                 tl_predictor_class_name(p, guesses[i].class_index), guesses[i].probability);
    snprintf(line + used, capacity - used, "\n");
}

static bool same_guesses(const tl_guess *a, const tl_guess *b, int count)
{
    for (int i = 0; i < count; i++)
        if (a[i].class_index != b[i].class_index || a[i].probability != b[i].probability) return false;
    return true;
}

static void pictures_in_memory_and_in_files(void **unused)
{
    enum { PICTURES = 3 };
    char line[1 << 10];
    tl_predictor *p = NULL;
    tl_error err = {0};
    succeeds("train mnist --image-size 36 --patch-size 6 --dim 16 --depth 1 --heads 2 --head-dim 8 "
             "--limit-train 64 "
             "--limit-test 10 --batch-size 16 --steps 8 --lr 5e-3 --out digits");
    OK(tl_predictor_create(ctx, at("digits"), NULL, &p));
    assert_int_equal(tl_predictor_configuration(p)->classes, CLASSES);
    for (int i = 0; i < PICTURES; i++) {
        uint8_t pixels[DIGIT * DIGIT * 3];
        const tl_picture picture = {DIGIT, DIGIT, pixels};
        tl_guess memory[CLASSES], file[CLASSES];
        char name[32], arguments[64];
        snprintf(name, sizeof name, "digit-%d.png", i);
        draw_digit(i, pixels);
        if (tl_picture_write_png(at(name), &picture, &err) != TL_OK) fail_msg("%s", err.text);
        OK(tl_predictor_classify(ctx, p, &picture, CLASSES, memory));
        OK(tl_predictor_classify_file(ctx, p, at(name), CLASSES, file));
        assert_true(same_guesses(memory, file, CLASSES));
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += memory[c].probability;
            assert_true(c == 0 || memory[c].probability <= memory[c - 1].probability);
        }
        assert_between(sum, 1 - 1e-9, 1 + 1e-9);
        snprintf(arguments, sizeof arguments, "predict digits %s", name);
        succeeds(arguments);
        print_guesses(p, name, memory, 5, line, sizeof line);
        assert_string_equal(seen.out, line);
    }
    tl_predictor_destroy(ctx, p);
}

/* The caller prepares floats as the task does, several at a time. */
static void batches_of_floats(void **unused)
{
    enum { COUNT = 3, TOP = 2 };
    static float images[COUNT * FIELD * FIELD];
    const tl_predictor_options options = {.size = sizeof options, .batch = COUNT};
    tl_predictor *p = NULL;
    tl_guess batch[COUNT * TOP], single[TOP];
    OK(tl_predictor_create(ctx, at("digits"), &options, &p));
    for (int i = 0; i < COUNT; i++) {
        uint8_t pixels[DIGIT * DIGIT * 3];
        draw_digit(i, pixels);
        for (int k = 0; k < DIGIT * DIGIT; k++)
            images[i * FIELD * FIELD + (CORNER + k / DIGIT) * FIELD + CORNER + k % DIGIT] =
                (float)pixels[3 * k] / 255.0f;
    }
    for (uint32_t count = COUNT; count > 0; count--) { /* fewer than it was made for, too */
        const tl_batch b = {.size = sizeof b, .count = count, .images = images};
        OK(tl_predictor_classify_batch(ctx, p, &b, TOP, batch));
        for (uint32_t i = 0; i < count; i++) {
            uint8_t pixels[DIGIT * DIGIT * 3];
            draw_digit((int)i, pixels);
            OK(tl_predictor_classify(ctx, p, &(tl_picture){DIGIT, DIGIT, pixels}, TOP, single));
            for (int k = 0; k < TOP; k++) {
                assert_int_equal(batch[i * TOP + (uint32_t)k].class_index, single[k].class_index);
                assert_between(batch[i * TOP + (uint32_t)k].probability - single[k].probability, -1e-5, 1e-5);
            }
        }
    }
    tl_predictor_destroy(ctx, p);
}

/* A model that a program made has no task that would prepare pictures; batches it takes as they are. */
static void a_programs_own_model_takes_batches(void **unused)
{
    enum { VALUES = 2 * 3 * 4 * 6, COUNT = 2, KINDS = 3 }; /* 3 channels, 4 x 6 pixels */
    static uint8_t pixels[4 * 6 * 3];
    const tl_model_config config = {.size = sizeof config,
                                    .image_height = 4,
                                    .image_width = 6,
                                    .channels = 3,
                                    .patch_height = 2,
                                    .patch_width = 2,
                                    .classes = KINDS,
                                    .dim = 8,
                                    .depth = 1,
                                    .heads = 2,
                                    .head_dim = 4,
                                    .mlp_dim = 8};
    const tl_model_options options = {.size = sizeof options, .batch = COUNT, .seed = 3};
    const tl_predictor_options pair = {.size = sizeof pair, .batch = COUNT};
    float images[VALUES], probabilities[COUNT * KINDS];
    int32_t classes[COUNT];
    tl_model *model = NULL;
    tl_predictor *p = NULL;
    tl_guess guesses[COUNT * KINDS];
    for (int i = 0; i < VALUES; i++) images[i] = (float)(i * 37 % 23) / 11.0f - 1.0f;
    const tl_batch batch = {.size = sizeof batch, .count = COUNT, .images = images};
    OK(tl_model_create(ctx, &config, &options, &model));
    OK(tl_model_save(ctx, model, at("own.safetensors")));
    OK(tl_model_predict(ctx, model, &batch, probabilities, classes));
    OK(tl_predictor_create(ctx, at("own.safetensors"), &pair, &p));
    OK(tl_predictor_classify_batch(ctx, p, &batch, KINDS, guesses));
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(guesses[i * KINDS].class_index, classes[i]);
        for (int k = 0; k < KINDS; k++)
            assert_true((float)guesses[i * KINDS + k].probability ==
                        probabilities[i * KINDS + (int)guesses[i * KINDS + k].class_index]);
    }
    assert_int_equal(tl_predictor_classify(ctx, p, &(tl_picture){6, 4, pixels}, 1, guesses), TL_ERROR_USAGE);
    assert_says(tl_context_error(ctx)->text, "no checkpoint for single images");
    tl_predictor_destroy(ctx, p);
    tl_model_destroy(ctx, model);
}

/* Class names, and the picture of the attention, which the program writes as a file. */
static void names_and_attention(void **unused)
{
    tl_predictor *p = NULL;
    tl_picture shown;
    tl_guess guesses[3];
    tl_error err = {0};
    put_tree(at("good"), 3, 8, 1);
    succeeds("train vit --data good --steps 2 --out named " MODEL);
    succeeds("predict named good/val/classb/000.png --attention program.png --head 1 --layer 0");
    OK(tl_predictor_create(ctx, at("named"), NULL, &p));
    assert_string_equal(tl_predictor_class_name(p, 1), "classb");
    OK(tl_predictor_classify_file(ctx, p, at("good/val/classb/000.png"), 3, guesses));
    char line[512];
    print_guesses(p, "good/val/classb/000.png", guesses, 3, line, sizeof line);
    assert_string_equal(seen.out, line);
    OK(tl_predictor_attention(ctx, p, 0, 1, &shown));
    if (tl_picture_write_png(at("library.png"), &shown, &err) != TL_OK) fail_msg("%s", err.text);
    assert_same_file(at("program.png"), at("library.png"));
    free(shown.pixels);
    tl_predictor_destroy(ctx, p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_in_memory_and_in_files),
        cmocka_unit_test(batches_of_floats),
        cmocka_unit_test(a_programs_own_model_takes_batches),
        cmocka_unit_test(names_and_attention),
    };
    return cmocka_run_group_tests(tests, set_up_context_and_folder, tear_down_context_and_folder);
}
