/* Wrong arguments of files, self-test, predictors, tokenizers and generation. */
#include "refusals.h"

/* ---- files of tensors ---------------------------------------------------------------------------- */

static const char golden[] = TL_GOLDEN_DIR "/op2d_qkv.safetensors";

static void metrics(void **unused)
{
    tl_metrics *m = NULL;
    tl_metrics_line line;
    WRONG(tl_metrics_open, "path", NULL, &m, &said);
    WRONG(tl_metrics_open, "handle", folder, NULL, &said);
    WRONG(tl_metrics_open, NULL, NULL, NULL, NULL);
    FAILS(TL_ERROR_INPUT, tl_metrics_open, "nowhere", at("nowhere"), &m, &said);
    FAILS(TL_ERROR_INPUT, tl_metrics_open, "/dev/zero cannot be read", "/dev/zero", &m, &said);
    assert_null(m);
    write_text("metrics.jsonl", "{\"step\":1,\"loss\":1}\n");
    if (tl_metrics_open(folder, &m, &said) != TL_OK) fail_msg("%s", said.text);
    GIVES(tl_metrics_line_at, !tl_metrics_line_at(NULL, 0, &line));
    GIVES(tl_metrics_line_at, !tl_metrics_line_at(m, 0, NULL));
    GIVES(tl_metrics_line_at, !tl_metrics_line_at(m, 1, &line));
    GIVES(tl_metrics_column, tl_metrics_column(NULL, 0) == NULL);
    GIVES(tl_metrics_column, tl_metrics_column(m, -1) == NULL);
    GIVES(tl_metrics_column, tl_metrics_column(m, INT32_MAX) == NULL);
    GIVES(tl_metrics_value, isnan(tl_metrics_value(NULL, 0, 0)));
    GIVES(tl_metrics_value, isnan(tl_metrics_value(m, 1, 0)));
    GIVES(tl_metrics_value, isnan(tl_metrics_value(m, 0, 1)));
    GIVES(tl_metrics_unreadable, tl_metrics_unreadable(NULL) == 0);
    tl_metrics_close(m);
    TRIES(tl_metrics_close);
    tl_metrics_close(NULL);
    unlink(at("metrics.jsonl"));
}

static void files(void **unused)
{
    tl_file *file = NULL;
    tl_tensor_info tensor;
    const char *key, *value;
    float numbers[8];
    WRONG(tl_file_open, "path", NULL, &file, &said);
    WRONG(tl_file_open, "handle", golden, NULL, &said);
    WRONG(tl_file_open, NULL, NULL, NULL, NULL);
    FAILS(TL_ERROR_INPUT, tl_file_open, "nowhere", at("nowhere"), &file, &said);
    FAILS(TL_ERROR_INPUT, tl_file_open, "model.safetensors", folder, &file, &said);
    assert_null(file);
    if (tl_file_open(golden, &file, &said) != TL_OK) fail_msg("%s", said.text);

    GIVES(tl_file_tensor_at, !tl_file_tensor_at(NULL, 0, &tensor));
    GIVES(tl_file_tensor_at, !tl_file_tensor_at(file, 0, NULL));
    GIVES(tl_file_tensor_at, !tl_file_tensor_at(file, -1, &tensor));
    GIVES(tl_file_tensor_at, !tl_file_tensor_at(file, INT32_MAX, &tensor));
    GIVES(tl_file_tensor, !tl_file_tensor(NULL, "x", &tensor));
    GIVES(tl_file_tensor, !tl_file_tensor(file, NULL, &tensor));
    GIVES(tl_file_tensor, !tl_file_tensor(file, "no such tensor", &tensor));
    assert_true(tl_file_tensor_at(file, 0, &tensor));
    GIVES(tl_file_tensor, !tl_file_tensor(file, tensor.name, NULL));
    GIVES(tl_file_metadata_at, !tl_file_metadata_at(NULL, 0, &key, &value));
    GIVES(tl_file_metadata_at, !tl_file_metadata_at(file, 0, NULL, &value));
    GIVES(tl_file_metadata_at, !tl_file_metadata_at(file, 0, &key, NULL));
    GIVES(tl_file_metadata_at, !tl_file_metadata_at(file, -1, &key, &value));
    GIVES(tl_file_metadata_at, !tl_file_metadata_at(file, INT32_MAX, &key, &value));
    GIVES(tl_file_metadata, tl_file_metadata(NULL, "task") == NULL);
    GIVES(tl_file_metadata, tl_file_metadata(file, NULL) == NULL);
    GIVES(tl_file_metadata, tl_file_metadata(file, "no such key") == NULL);

    WRONG(tl_file_read, "file", NULL, tensor.name, 0, 1, numbers, &said);
    WRONG(tl_file_read, "name", file, NULL, 0, 1, numbers, &said);
    WRONG(tl_file_read, "target", file, tensor.name, 0, 1, NULL, &said);
    WRONG(tl_file_read, "no tensor bias", file, "bias", 0, 1, numbers, &said);
    WRONG(tl_file_read, "were asked for", file, tensor.name, tensor.count, 1, numbers, &said);
    WRONG(tl_file_read, "were asked for", file, tensor.name, UINT64_MAX, 2, numbers, &said);
    WRONG(tl_file_read, "were asked for", file, tensor.name, 0, tensor.count + 1, numbers, &said);
    assert_int_equal(tl_file_read(file, tensor.name, tensor.count, 0, NULL, &said), TL_OK);
    TRIES(tl_file_close);
    tl_file_close(NULL);
    tl_file_close(file);
}

/* ---- self-test ----------------------------------------------------------------------------------- */

static void self_tests(void **unused)
{
    tl_self_test_row rows[TL_SELF_TEST_ROWS];
    int count = 5;
    WRONG(tl_self_test, NULL, NULL, TL_PATH_AUTO, rows, TL_SELF_TEST_ROWS, &count);
    WRONG(tl_self_test, "rows", ctx, TL_PATH_AUTO, NULL, TL_SELF_TEST_ROWS, &count);
    WRONG(tl_self_test, "count", ctx, TL_PATH_AUTO, rows, TL_SELF_TEST_ROWS, NULL);
    WRONG(tl_self_test, "kernel path 9", ctx, (tl_kernel_path)9, rows, TL_SELF_TEST_ROWS, &count);
    WRONG(tl_self_test, "the capacity is 1", ctx, TL_PATH_CPU, rows, 1, &count);
    WRONG(tl_self_test, "the capacity is -1", ctx, TL_PATH_CPU, rows, -1, &count);
    assert_int_equal(count, 0);
    OK(tl_self_test(ctx, TL_PATH_CPU, rows, TL_SELF_TEST_ROWS, &count));
    assert_true(count > 10 && count <= TL_SELF_TEST_ROWS / 2);
    for (int i = 0; i < count; i++)
        assert_true(rows[i].right && rows[i].error <= 1 && rows[i].form == TL_PATH_CPU);
}

static void precisions(void **unused)
{
    bool tried = true;
    double error = 0;
    WRONG(tl_precision_test, NULL, NULL, TL_PRECISION_TF32, &tried, &error);
    WRONG(tl_precision_test, "places", ctx, TL_PRECISION_TF32, NULL, &error);
    WRONG(tl_precision_test, "places", ctx, TL_PRECISION_TF32, &tried, NULL);
    WRONG(tl_precision_test, "precision", ctx, (tl_precision)9, &tried, &error);
    WRONG(tl_precision_test, "fp32", ctx, TL_PRECISION_FP32, &tried, &error);
    assert_false(tried);
    OK(tl_precision_test(ctx, TL_PRECISION_BF16, &tried, &error));
    assert_true(tried || isinf(error));
}

/* ---- a model's predictions ----------------------------------------------------------------------- */

/* The smallest model that has everything: 4 x 4 pixels, three classes; or four tokens of five. */
static tl_model *make_model(tl_context *owner, tl_arch arch)
{
    const tl_model_config c = {.size = sizeof c,
                               .arch = arch,
                               .image_height = 4,
                               .image_width = 4,
                               .channels = 1,
                               .patch_height = 2,
                               .patch_width = 2,
                               .classes = 3,
                               .seq_len = 4,
                               .vocab_size = 5,
                               .dim = 8,
                               .depth = 1,
                               .heads = 2,
                               .head_dim = 4,
                               .mlp_dim = 8};
    const tl_model_options options = {.size = sizeof options, .batch = 2, .seed = 1};
    tl_model *model = NULL;
    OK(tl_model_create(owner, &c, &options, &model));
    return model;
}
#define make_model(...) VALUE_FROM_HERE(make_model(__VA_ARGS__))

static void predictions_of_models(void **unused)
{
    enum { ROWS = 6, WIDTH = 5 };
    static const float images[32] = {0.25f, -1.0f, 0.5f};
    static const int32_t tokens[ROWS] = {0, 4, 2, 3, 1, 2};
    const tl_batch pictures = {.size = sizeof pictures, .count = 2, .images = images},
                   text = {.size = sizeof text, .count = 2, .tokens = tokens, .length = 3};
    float probabilities[ROWS * WIDTH], logits[ROWS * WIDTH];
    int32_t classes[ROWS];
    tl_model *model = make_model(ctx, TL_ARCH_VIT), *foreign = make_model(other, TL_ARCH_VIT);
    WRONG(tl_model_predict, NULL, NULL, model, &pictures, probabilities, classes);
    WRONG(tl_model_predict, "model", ctx, NULL, &pictures, probabilities, classes);
    WRONG(tl_model_predict, "none of this context", ctx, foreign, &pictures, probabilities, classes);
    WRONG(tl_model_predict, "batch", ctx, model, NULL, probabilities, classes);
    WRONG(tl_model_predict, "classes are NULL", ctx, model, &pictures, NULL, NULL);
    OK(tl_model_predict(ctx, model, &pictures, NULL, classes));
    tl_model_destroy(ctx, model);
    model = make_model(ctx, TL_ARCH_GPT);
    OK(tl_model_predict(ctx, model, &text, probabilities, classes));
    OK(tl_model_read_logits(ctx, model, logits));
    for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        for (int i = 0; i < WIDTH; i++) sum += exp((double)logits[row * WIDTH + i]);
        for (int i = 0; i < WIDTH; i++) {
            const double want = exp((double)logits[row * WIDTH + i]) / sum;
            assert_between((double)probabilities[row * WIDTH + i] - want, -1e-6, 1e-6);
            assert_true(logits[row * WIDTH + i] <= logits[row * WIDTH + classes[row]]);
        }
    }
    tl_model_destroy(ctx, model);
}

/* ---- pictures and predictors --------------------------------------------------------------------- */

/* One step of the smallest model of the task, into a folder of its name. */
static const char *small_checkpoint(const char *task)
{
    tl_settings s;
    tl_result result;
    assert_true(tl_settings_default(&s, task));
    s.model.dim = 8, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 4, s.model.mlp_dim = 8;
    s.model.seq_len = 8, s.model.vocab_size = 64;
    s.training.limit_train = s.training.limit_test = s.training.batch_size = 4, s.training.steps = 1;
    s.training.samples_per_epoch = 4;
    snprintf(s.run.out, sizeof s.run.out, "%s", at(task));
    if (!exists(task)) OK(tl_train(ctx, &s, NULL, &result));
    return at(task);
}
#define small_checkpoint(...) VALUE_FROM_HERE(small_checkpoint(__VA_ARGS__))

static void pictures(void **unused)
{
    uint8_t pixels[12] = {0};
    const tl_picture two = {2, 2, pixels}, none = {2, 2, NULL}, flat = {2, 0, pixels},
                     huge = {1 << 20, 1, pixels};
    const char *path = at("picture.png");
    WRONG(tl_picture_write_png, "path", NULL, &two, &said);
    WRONG(tl_picture_write_png, "pixels", path, NULL, &said);
    WRONG(tl_picture_write_png, "pixels", path, &none, &said);
    WRONG(tl_picture_write_png, "side of 0", path, &flat, &said);
    WRONG(tl_picture_write_png, "too large", path, &huge, &said);
    FAILS(TL_ERROR_IO, tl_picture_write_png, "nowhere", at("nowhere/picture.png"), &two, &said);
    assert_int_equal(tl_picture_write_png(path, &two, &said), TL_OK);
}

static void predictors_to_be_made(void **unused)
{
    const char *digits = small_checkpoint("mnist");
    const tl_predictor_options unset = {.size = 0}, huge = {.size = sizeof huge, .batch = UINT32_MAX},
                               shared = {.size = sizeof shared, .offset_ranks = 2};
    tl_predictor *p = NULL;
    WRONG(tl_predictor_create, NULL, NULL, digits, NULL, &p);
    WRONG(tl_predictor_create, "checkpoint", ctx, NULL, NULL, &p);
    WRONG(tl_predictor_create, "handle", ctx, digits, NULL, NULL);
    WRONG(tl_predictor_create, "sizeof(tl_predictor_options)", ctx, digits, &unset, &p);
    WRONG(tl_predictor_create, "too large", ctx, digits, &huge, &p);
    WRONG(tl_predictor_create, "offset_ranks` is 2 and the number of ranks 1", ctx, digits, &shared, &p);
    FAILS(TL_ERROR_INPUT, tl_predictor_create, "nowhere", ctx, at("nowhere"), NULL, &p);
    WRONG(tl_predictor_create, "mnist and vit", ctx, small_checkpoint("gpt"), NULL, &p);
    assert_null(p);
}

/* Calls that are wrong in their predictor, their number of guesses or their place for them. */
#define REFUSE_CALLS(function, input)                                                                        \
    do {                                                                                                     \
        WRONG(function, NULL, NULL, p, input, 1, guesses);                                                   \
        WRONG(function, "predictor", ctx, NULL, input, 1, guesses);                                          \
        WRONG(function, "none of this context", ctx, foreign, input, 1, guesses);                            \
        WRONG(function, "top is 0", ctx, p, input, 0, guesses);                                              \
        WRONG(function, "top is 11", ctx, p, input, 11, guesses);                                            \
        WRONG(function, "guesses", ctx, p, input, 1, NULL);                                                  \
    } while (0)

static void predictors(void **unused)
{
    static uint8_t pixels[28 * 28 * 3];
    static float values[2 * 84 * 84];
    const char *digits = small_checkpoint("mnist");
    const tl_picture picture = {28, 28, pixels}, none = {28, 28, NULL}, flat = {0, 28, pixels};
    const tl_batch one = {.size = sizeof one, .count = 1, .images = values},
                   two = {.size = sizeof two, .count = 2, .images = values},
                   unset = {.count = 1, .images = values}, empty = {.size = sizeof empty, .count = 1};
    tl_picture shown;
    tl_guess guesses[10];
    tl_predictor *p = NULL, *foreign = NULL;
    OK(tl_predictor_create(ctx, digits, NULL, &p));
    assert_int_equal(tl_predictor_create(other, digits, NULL, &foreign), TL_OK);
    GIVES(tl_predictor_configuration, tl_predictor_configuration(NULL) == NULL);
    GIVES(tl_predictor_class_name, tl_predictor_class_name(NULL, 0) == NULL);
    GIVES(tl_predictor_class_name, tl_predictor_class_name(p, 10) == NULL);
    GIVES(tl_predictor_class_name, strcmp(tl_predictor_class_name(p, 9), "9") == 0);

    WRONG(tl_predictor_attention, "classify a picture", ctx, p, -1, -1, &shown);
    REFUSE_CALLS(tl_predictor_classify, &picture);
    REFUSE_CALLS(tl_predictor_classify_file, "x.png");
    REFUSE_CALLS(tl_predictor_classify_batch, &one);
    WRONG(tl_predictor_classify, "picture", ctx, p, NULL, 1, guesses);
    WRONG(tl_predictor_classify, "pixels", ctx, p, &none, 1, guesses);
    WRONG(tl_predictor_classify, "side of 0", ctx, p, &flat, 1, guesses);
    WRONG(tl_predictor_classify_file, "path", ctx, p, NULL, 1, guesses);
    FAILS(TL_ERROR_INPUT, tl_predictor_classify_file, "nowhere.png", ctx, p, at("nowhere.png"), 1, guesses);
    WRONG(tl_predictor_classify_batch, "batch", ctx, p, NULL, 1, guesses);
    WRONG(tl_predictor_classify_batch, "sizeof(tl_batch)", ctx, p, &unset, 1, guesses);
    WRONG(tl_predictor_classify_batch, "takes images", ctx, p, &empty, 1, guesses);
    WRONG(tl_predictor_classify_batch, "batch of 2 samples", ctx, p, &two, 1, guesses);
    OK(tl_predictor_classify(ctx, p, &picture, 10, guesses));

    WRONG(tl_predictor_attention, NULL, NULL, p, -1, -1, &shown);
    WRONG(tl_predictor_attention, "predictor", ctx, NULL, -1, -1, &shown);
    WRONG(tl_predictor_attention, "none of this context", ctx, foreign, -1, -1, &shown);
    WRONG(tl_predictor_attention, "NULL", ctx, p, -1, -1, NULL);
    WRONG(tl_predictor_attention, "no block 2", ctx, p, 2, -1, &shown);
    WRONG(tl_predictor_attention, "no block -2", ctx, p, -2, -1, &shown);
    WRONG(tl_predictor_attention, "no head 2", ctx, p, 0, 2, &shown);
    OK(tl_predictor_classify_batch(ctx, p, &one, 10, guesses));
    WRONG(tl_predictor_attention, "classify a picture", ctx, p, -1, -1, &shown); /* of floats there is none */

    TRIES(tl_predictor_destroy);
    tl_predictor_destroy(ctx, NULL);
    tl_predictor_destroy(NULL, p);
    tl_predictor_destroy(ctx, foreign);
    assert_non_null(strstr(tl_context_error(ctx)->text, "none of this context"));
    tl_predictor_destroy(ctx, p);
    tl_predictor_destroy(ctx, p); /* once more */
    WRONG(tl_predictor_classify, "was destroyed", ctx, p, &picture, 1, guesses);
    /* `foreign` is left to its context */
}

/* ---- text ------------------------------------------------------------------------------------------ */

static void tokenizers(void **unused)
{
    const char *text = small_checkpoint("gpt"), *vocab = at("vocab.bpe"), *encoder = at("encoder.json");
    tl_tokenizer *t = NULL;
    int32_t *ids = NULL;
    const int32_t unknown[] = {0, 31000}, negative[] = {-1};
    char *out = NULL;
    size_t count = 0;
    WRONG(tl_tokenizer_open, "handle", text, NULL, NULL, NULL, &said);
    WRONG(tl_tokenizer_open, "`vocab`", NULL, NULL, encoder, &t, &said);
    WRONG(tl_tokenizer_open, "`encoder`", NULL, vocab, NULL, &t, &said);
    WRONG(tl_tokenizer_open, "tokens are characters", text, vocab, encoder, &t, &said);
    FAILS(TL_ERROR_INPUT, tl_tokenizer_open, "encoder.json", NULL, vocab, encoder, &t, &said);
    FAILS(TL_ERROR_INPUT, tl_tokenizer_open, "nowhere", at("nowhere"), NULL, NULL, &t, &said);
    FAILS(TL_ERROR_INPUT, tl_tokenizer_open, "task mnist", small_checkpoint("mnist"), NULL, NULL, &t, &said);
    assert_null(t);
    assert_int_equal(tl_tokenizer_open(text, NULL, NULL, &t, &said), TL_OK);

    GIVES(tl_tokenizer_size, tl_tokenizer_size(NULL) == 0);
    GIVES(tl_tokenizer_end_of_text, tl_tokenizer_end_of_text(NULL) == -1);
    WRONG(tl_tokenizer_encode, "tokenizer", NULL, "a", 1, &ids, &count, &said);
    WRONG(tl_tokenizer_encode, "text", t, NULL, 1, &ids, &count, &said);
    WRONG(tl_tokenizer_encode, "ids", t, "a", 1, NULL, &count, &said);
    WRONG(tl_tokenizer_encode, "count", t, "a", 1, &ids, NULL, &said);
    FAILS(TL_ERROR_INPUT, tl_tokenizer_encode, "U+00E9", t, "\xc3\xa9", 2, &ids, &count, &said);
    assert_null(ids);
    WRONG(tl_tokenizer_decode, "tokenizer", NULL, unknown, 1, &out, &count, &said);
    WRONG(tl_tokenizer_decode, "ids", t, NULL, 1, &out, &count, &said);
    WRONG(tl_tokenizer_decode, "text", t, unknown, 1, NULL, &count, &said);
    WRONG(tl_tokenizer_decode, "length", t, unknown, 1, &out, NULL, &said);
    FAILS(TL_ERROR_INPUT, tl_tokenizer_decode, "ids[1] is 31000", t, unknown, 2, &out, &count, &said);
    FAILS(TL_ERROR_INPUT, tl_tokenizer_decode, "ids[0] is -1", t, negative, 1, &out, &count, &said);
    assert_null(out);
    assert_int_equal(tl_tokenizer_encode(t, NULL, 0, &ids, &count, &said), TL_OK);
    assert_int_equal(count, 0);
    free(ids);
    assert_int_equal(tl_tokenizer_decode(t, NULL, 0, &out, &count, &said), TL_OK);
    assert_string_equal(out, "");
    free(out);
    TRIES(tl_tokenizer_destroy);
    tl_tokenizer_destroy(NULL);
    tl_tokenizer_destroy(t);
}

static void texts_to_be_tokenized(void **unused)
{
    write_text("a.txt", "abc");
    const char *const files[] = {at("a.txt")}, *const missing[] = {at("nowhere.txt")}, *const none[] = {NULL};
    const tl_tokenize_options sound = {
        .size = sizeof sound, .files = files, .file_count = 1, .out = at("out")};
    tl_tokenize_options o = sound;
    tl_tokenize_result result;
    tl_tokenizer *characters = NULL;
    assert_int_equal(tl_tokenizer_open(small_checkpoint("gpt"), NULL, NULL, &characters, &said), TL_OK);
    WRONG(tl_tokenize, "options", NULL, &result, &said);
    WRONG(tl_tokenize, "result", &o, NULL, &said);
    o.size = 0;
    WRONG(tl_tokenize, "sizeof(tl_tokenize_options)", &o, &result, &said);
    o = sound, o.files = NULL;
    WRONG(tl_tokenize, "files", &o, &result, &said);
    o = sound, o.file_count = 0;
    WRONG(tl_tokenize, "files", &o, &result, &said);
    o = sound, o.files = none;
    WRONG(tl_tokenize, "files[0]", &o, &result, &said);
    o = sound, o.out = NULL;
    WRONG(tl_tokenize, "`out`", &o, &result, &said);
    o = sound, o.separator = "a\nb";
    WRONG(tl_tokenize, "`separator`", &o, &result, &said);
    o = sound, o.val_fraction = 1.5;
    WRONG(tl_tokenize, "`val_fraction`", &o, &result, &said);
    o = sound, o.val_fraction = (double)NAN;
    WRONG(tl_tokenize, "`val_fraction`", &o, &result, &said);
    o = sound, o.threads = 1025;
    WRONG(tl_tokenize, "`threads`", &o, &result, &said);
    o = sound, o.tokenizer = characters;
    WRONG(tl_tokenize, "characters", &o, &result, &said);
    o = sound, o.files = missing;
    FAILS(TL_ERROR_INPUT, tl_tokenize, "nowhere.txt", &o, &result, &said);
    o = sound, o.out = at("a.txt/out");
    FAILS(TL_ERROR_INPUT, tl_tokenize, "a.txt", &o, &result, &said);
    assert_false(exists("out"));
    assert_int_equal(tl_tokenize(&sound, &result, &said), TL_OK);
    tl_tokenizer_destroy(characters);
}

static tl_status refuse_text(void *user, int32_t id, const char *text, size_t bytes, tl_error *err)
{
    snprintf(err->text, sizeof err->text, "this text is none that the caller takes");
    return err->status = TL_ERROR_IO;
}

static tl_status take_text(void *user, int32_t id, const char *text, size_t bytes, tl_error *err)
{
    return TL_OK;
}

static void generation(void **unused)
{
    const char *text = small_checkpoint("gpt");
    const tl_generation sound = {.size = sizeof sound, .prompt = "a", .tokens = 2, .write = take_text};
    const volatile sig_atomic_t stop = 15;
    tl_generation g = sound;
    uint64_t made = 9;
    WRONG(tl_generate, NULL, NULL, text, &g, &made);
    WRONG(tl_generate, "checkpoint", ctx, NULL, &g, &made);
    WRONG(tl_generate, "tl_generation", ctx, text, NULL, &made);
    assert_int_equal(made, 0);
    g.size = 0;
    WRONG(tl_generate, "sizeof(tl_generation)", ctx, text, &g, &made);
    g = sound, g.write = NULL;
    WRONG(tl_generate, "write", ctx, text, &g, &made);
    g = sound, g.temperature = -1;
    WRONG(tl_generate, "`temperature`", ctx, text, &g, &made);
    g = sound, g.temperature = (float)NAN;
    WRONG(tl_generate, "`temperature`", ctx, text, &g, &made);
    g = sound, g.top_p = 1.5f;
    WRONG(tl_generate, "`top_p`", ctx, text, &g, &made);
    g = sound, g.vocab = "vocab.bpe";
    WRONG(tl_generate, "leave out", ctx, text, &g, &made);
    g = sound, g.offset_ranks = 2;
    WRONG(tl_generate, "offset_ranks` is 2 and the number of ranks 1", ctx, text, &g, &made);
    g = sound, g.prompt = "\xc3\xa9";
    FAILS(TL_ERROR_INPUT, tl_generate, "U+00E9", ctx, text, &g, &made);
    g = sound;
    FAILS(TL_ERROR_INPUT, tl_generate, "nowhere", ctx, at("nowhere"), &g, &made);
    FAILS(TL_ERROR_INPUT, tl_generate, "task mnist", ctx, small_checkpoint("mnist"), &g, &made);
    g.write = refuse_text;
    FAILS(TL_ERROR_IO, tl_generate, "none that the caller takes", ctx, text, &g, &made);
    g = sound, g.stop = &stop;
    FAILS(TL_INTERRUPTED, tl_generate, "stopped by signal 15", ctx, text, &g, &made);
    assert_int_equal(made, 1);
    OK(tl_generate(ctx, text, &sound, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(metrics),
        cmocka_unit_test(self_tests),
        cmocka_unit_test(precisions),
        cmocka_unit_test(predictions_of_models),
        cmocka_unit_test(pictures),
        cmocka_unit_test(predictors_to_be_made),
        cmocka_unit_test(predictors),
        cmocka_unit_test(tokenizers),
        cmocka_unit_test(texts_to_be_tokenized),
        cmocka_unit_test(generation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
