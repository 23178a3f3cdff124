/* Training on image folders: the same losses whatever the number of workers, across an interruption, with damaged
 * files; a model that learns, and scores that are the checkpoint's. */
#include "runs.h"

#include "image_tree.h"

#include "models.h"

enum { CLASSES = 3, TRAIN = 15, VAL = 6 };

static char tree[] = "/tmp/translution-tree-XXXXXX";

static int make_both(void **state)
{
    if (mkdtemp(tree) == NULL) return -1;
    put_tree(tree, CLASSES, TRAIN, VAL);
    return make_folder(state);
}

static int remove_both(void **state)
{
    remove_tree(tree);
    return remove_folder(state);
}

static tl_settings vit_run(const char *out)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, "vit"));
    s.model.op = TL_OP_ALPHA;
    s.model.positions = TL_POSITIONS_NONE;
    s.model.image_height = s.model.image_width = 24, s.model.patch_height = s.model.patch_width = 8;
    s.model.dim = 24, s.model.depth = 2, s.model.heads = 2, s.model.head_dim = 12, s.model.mlp_dim = 48;
    s.training.batch_size = 8, s.run.exact_batch = true; /* six steps an epoch, the last of five images */
    s.training.steps = 20, s.training.lr = 1e-3f;
    s.run.workers = 1;
    snprintf(s.run.data, sizeof s.run.data, "%s", tree);
    snprintf(s.run.out, sizeof s.run.out, "%s/%s", folder, out);
    return s;
}
#define vit_run(...) VALUE_FROM_HERE(vit_run(__VA_ARGS__))

/* The losses of a run, as the metrics file has them, digit by digit. */
static int losses_of(const tl_settings *s, double *losses, int most)
{
    size_t size;
    char *text = read_all(inside(s->run.out, "metrics.jsonl"), &size);
    int count = 0;
    for (char *at = text; (at = strstr(at, "\"loss\":")) != NULL && count < most; at++)
        losses[count++] = strtod(at + 7, NULL);
    free(text);
    return count;
}

static void workers_change_nothing(void **state)
{
    double one[21], two[21];
    const tl_settings a = vit_run("one-worker");
    tl_settings b = vit_run("two-workers");
    b.run.workers = 2;
    const tl_result x = train(a), y = train(b);
    assert_int_equal(losses_of(&a, one, 21), 21); /* 20 steps and the evaluation */
    assert_int_equal(losses_of(&b, two, 21), 21);
    assert_memory_equal(one, two, sizeof one);
    for (int i = 1; i < 20; i++) assert_true(one[i] != one[i - 1]);
    assert_same_model(&a, &b);
    assert_true(x.top1 == y.top1);
    assert_true(x.top5 == 100);
    assert_true(x.test_loss == y.test_loss);
    assert_true(x.data_wait >= 0);
    assert_true(x.data_wait < 1);
}

static void resumed_equals_uninterrupted(void **state)
{
    const tl_settings whole = vit_run("one-worker"); /* of the test before */
    tl_settings parts = vit_run("parts");
    double expected[21], got[21];
    parts.run.stop_after = 9; /* in the middle of the second epoch */
    assert_int_equal(train(parts).steps, 9);
    parts.run.stop_after = 0;
    parts.run.resume = true;
    parts.run.workers = 3;
    assert_int_equal(train(parts).steps, 20);
    assert_same_model(&whole, &parts);
    losses_of(&whole, expected, 21);
    assert_int_equal(losses_of(&parts, got, 21), 21);
    assert_memory_equal(expected, got, sizeof got);
}

static void refuse(tl_settings s, tl_status status, const char *word, const char *also)
{
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_train(ctx, &s, NULL, &result), status);
    const char *text = tl_context_error(ctx)->text;
    if (strstr(text, word) == NULL || strstr(text, also) == NULL)
        fail_msg("no '%s' and '%s' in: %s", word, also, text);
    tl_context_destroy(ctx);
}
#define refuse(...) FROM_HERE(refuse(__VA_ARGS__))

static void other_settings_do_not_resume(void **state)
{
    tl_settings s = vit_run("parts");
    s.run.resume = true;
    s.training.augment = TL_AUGMENT_CROP;
    refuse(s, TL_ERROR_USAGE, "`training.augment` is", "parts");
    s.training.augment = TL_AUGMENT_ALL;
    /* another folder whose third class has another name */
    char other[] = "/tmp/translution-tree-XXXXXX", from[256], to[256];
    assert_non_null(mkdtemp(other));
    put_tree(other, CLASSES, 2, 2);
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/%s/classc", other, i ? "train" : "val");
        snprintf(to, sizeof to, "%s/%s/classz", other, i ? "train" : "val");
        assert_int_equal(rename(from, to), 0);
    }
    snprintf(s.run.data, sizeof s.run.data, "%s", other);
    refuse(s, TL_ERROR_USAGE, "the list of classes of `run.data` is", "parts");

    /* nor is a checkpoint evaluated on it */
    tl_settings e;
    tl_settings_default(&e, "mnist");
    snprintf(e.run.data, sizeof e.run.data, "%s", other);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result result;
    assert_int_equal(tl_evaluate(ctx, s.run.out, &e, NULL, &result), TL_ERROR_INPUT);
    assert_non_null(strstr(tl_context_error(ctx)->text, "lacks the class classc, which the checkpoint has"));
    snprintf(e.run.data, sizeof e.run.data, "synthetic");
    assert_int_equal(tl_evaluate(ctx, s.run.out, &e, NULL, &result), TL_ERROR_INPUT);
    assert_non_null(strstr(tl_context_error(ctx)->text, "synthetic"));
    tl_context_destroy(ctx);
    remove_tree(other);
}

static void classes_come_from_the_data(void **state)
{
    tl_settings s = vit_run("classes");
    s.training.steps = 1;
    s.run.exact_labels = true, s.model.classes = 4;
    refuse(s, TL_ERROR_USAGE, "has 3 classes, not 4", "`model.classes`");
    s.model.classes = 3;
    train(s);
    tli_safetensors st;
    tl_error err = {0};
    char path[1200];
    snprintf(path, sizeof path, "%s/model.safetensors", s.run.out);
    assert_int_equal(tli_st_open(path, &st, &err), TL_OK);
    assert_string_equal(tli_st_metadata(&st, "class_names"), "[\"classa\",\"classb\",\"classc\"]");
    assert_string_equal(tli_st_metadata(&st, "augment"), "crop,flip,randaugment,mixup,cutmix");
    assert_string_equal(tli_st_metadata(&st, "classes"), "3");
    assert_null(tli_st_metadata(&st, "motion"));
    tli_st_close(&st);
    snprintf(s.run.data, sizeof s.run.data, "synthetic"); /* ten digits, in RGB */
    s.run.exact_labels = false;
    s.training.limit_train = 16, s.training.limit_test = 20;
    snprintf(s.run.out, sizeof s.run.out, "%s/digits", folder);
    assert_true(train(s).test_loss > 1.5); /* about log 10, by ten classes */
    s.model.channels = 1;
    refuse(s, TL_ERROR_USAGE, "3 channels", "vit");
}

static void learns_and_evaluates(void **state)
{
    tl_settings s = vit_run("learns");
    s.training.steps = 90, s.training.lr = 3e-3f, s.training.augment = TL_AUGMENT_FLIP;
    const tl_result trained = train(s);
    if (trained.top1 < 80)
        fail_msg("classes of plain colours are told apart in %g %% of the cases", trained.top1);

    char table[300];
    snprintf(table, sizeof table, "%s/confusion.tsv", folder);
    tl_settings e;
    tl_settings_default(&e, "mnist");
    e.training.batch_size = 7, e.training.test_motion = (tl_motion)-1, e.run.workers = 2;
    snprintf(e.run.data, sizeof e.run.data, "%s", tree);
    snprintf(e.run.confusion, sizeof e.run.confusion, "%s", table);
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_result evaluated;
    MUST(ctx, tl_evaluate(ctx, s.run.out, &e, NULL, &evaluated));
    tl_context_destroy(ctx);
    assert_string_equal(e.task, "vit");
    assert_true(evaluated.top1 == trained.top1);
    assert_true(evaluated.top5 == trained.top5);
    assert_true(evaluated.test_loss - trained.test_loss < 1e-5);
    assert_true(trained.test_loss - evaluated.test_loss < 1e-5);

    size_t size;
    char *text = read_all(inside(folder, "confusion.tsv"), &size), *line = text;
    assert_true(strncmp(text, "true\\found\tclassa\tclassb\tclassc\nclassa\t", 39) == 0);
    unsigned right = 0, all = 0;
    for (int row = 0; row < CLASSES; row++) {
        unsigned counts[3];
        line = strchr(line, '\n') + 1;
        assert_int_equal(sscanf(strchr(line, '\t'), "%u %u %u", &counts[0], &counts[1], &counts[2]), 3);
        assert_int_equal(counts[0] + counts[1] + counts[2], VAL);
        right += counts[row], all += VAL;
    }
    assert_true(trained.top1 == 100.0 * right / all);
    free(text);
}

/* A checkpoint that was written before there was a setting has what was true then. */
static void older_checkpoints_are_read(void **state)
{
    tl_settings s = vit_run("older"), e = {.run.data = ""};
    s.training.steps = 1, s.training.exact_decode = true;
    train(s);
    size_t size;
    char *data = read_all(inside(s.run.out, "model.safetensors"), &size), path[1200];
    const struct {
        const char *from, *to;
    } changes[] = {{"\"exact_decode\":\"true\"", "\"exact_decodf\":\"true\""},
                   {"\"checksum\"", "\"checksun\""}};
    for (int i = 0; i < 2; i++) {
        char *at = strstr(data + 8, changes[i].from);
        assert_non_null(at);
        memcpy(at, changes[i].to, strlen(changes[i].to));
    }
    snprintf(path, sizeof path, "%s/older.safetensors", folder);
    write_file(path, data, (size_t)size);
    free(data);
    tli_safetensors st;
    tl_error err = {0};
    assert_int_equal(tli_st_open(path, &st, &err), TL_OK);
    e.training.exact_decode = true;
    if (tli_settings_from_metadata(&st, &e, &err) != TL_OK) fail_msg("%s", err.text);
    assert_false(e.training.exact_decode);
    tli_st_close(&st);
}

/* Batches of probabilities: MixUp with a share of one is no MixUp. */
static void soft_targets_agree(void **state)
{
    tl_settings s = vit_run("unused");
    s.model.classes = CLASSES;
    tl_context *ctx = new_context(TL_PATH_AUTO);
    tl_model *model = NULL;
    MUST(ctx, tli_model_create(ctx, &s.model, &(tl_model_options){.batch = 2, .training = true},
                               tli_optimizer_rule_of(TL_OPTIMIZER_ADAMW), &model));
    MUST(ctx, tli_registry_init(ctx, tli_model_registry(model), 1));
    static float images[2 * 3 * 24 * 24];
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) images[i] = (float)(i % 97) / 97;
    const int32_t targets[] = {2, 0};
    const float soft[] = {0, 0, 1, 1, 0, 0};
    float losses[2];
    for (int i = 0; i < 2; i++) {
        const tl_batch inputs = {
            .count = 2, .images = images, .targets = targets, .soft_targets = i ? soft : NULL};
        MUST(ctx, tli_model_set_batch(ctx, model, &inputs));
        MUST(ctx, tli_model_forward(ctx, model));
        MUST(ctx, tli_model_loss(ctx, model, (uint32_t)i));
    }
    MUST(ctx, tli_model_read_losses(ctx, model, 0, 2, losses));
    assert_true(losses[0] > 0.1f);
    assert_true(losses[0] - losses[1] < 1e-6f);
    assert_true(losses[1] - losses[0] < 1e-6f);
    tli_model_destroy(ctx, model);
    tl_context_destroy(ctx);
}

static void damaged_files(void **state)
{
    char other[] = "/tmp/translution-tree-XXXXXX", path[256];
    assert_non_null(mkdtemp(other));
    put_tree(other, 2, 8, 3);
    snprintf(path, sizeof path, "%s/train/classa/001.JPEG", other);
    write_file(path, "", 0);
    double one[12], two[12];
    tl_settings s = vit_run("damaged-1");
    snprintf(s.run.data, sizeof s.run.data, "%s", other);
    s.training.steps = 6;
    train(s);
    losses_of(&s, one, 12);
    snprintf(s.run.out, sizeof s.run.out, "%s/damaged-2", folder);
    s.run.workers = 2;
    train(s);
    losses_of(&s, two, 12);
    assert_memory_equal(one, two, 7 * sizeof *one);
    s.run.strict = true;
    snprintf(s.run.out, sizeof s.run.out, "%s/damaged-3", folder);
    refuse(s, TL_ERROR_INPUT, path, "0 bytes");
    s.run.strict = false;
    for (int i = 0; i < 6; i++) { /* no image is left to evaluate */
        snprintf(path, sizeof path, "%s/val/class%c/%03d.%s", other, 'a' + i / 3, i % 3,
                 i % 3 ? "JPEG" : "png");
        write_file(path, "?", 1);
    }
    refuse(s, TL_ERROR_INPUT, "no image of the class classa", "val can be read");
    remove_tree(other);
}

/* The paper's models on ImageNet: A, B and C are tiny, mini and small at patches of 56, 32 and 16. */
static void parameter_counts(void **state)
{
    static const struct {
        const char *size;
        uint32_t patch;
        uint64_t counts[3]; /* attention with learned positions, alpha, translution */
    } rows[] = {
        {"tiny", 56, {4688296, 5334760, 38526184}},      {"tiny", 32, {3465448, 5349736, 116923240}},
        {"tiny", 16, {3046696, 10708840, 488065384}},    {"mini", 56, {7354024, 8650216, 75033064}},
        {"mini", 32, {6131176, 9909352, 233056360}},     {"mini", 16, {5712424, 21074536, 975787624}},
        {"small", 56, {25305064, 30496360, 296027752}},  {"small", 32, {22872040, 38003944, 930591976}},
        {"small", 16, {22039144, 83563240, 3902415592}},
    };
    static const tl_op_kind ops[] = {TL_OP_ATTENTION, TL_OP_ALPHA, TL_OP_TRANSLUTION};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int op = 0; op < 3; op++) {
            tl_settings s;
            tl_settings_default(&s, "vit");
            s.model.op = ops[op];
            s.model.positions = op == 0 ? TL_POSITIONS_LEARNED : TL_POSITIONS_NONE;
            s.model.patch_height = s.model.patch_width = rows[i].patch;
            apply_preset(rows[i].size, &s.model);
            tli_registry r = {0};
            tl_error err = {0};
            assert_int_equal(tli_model_parameters(&s.model, &r, &err), TL_OK);
            if (tli_registry_count(&r) != rows[i].counts[op])
                fail_msg("%s/%u, operation %d: %llu parameters", rows[i].size, rows[i].patch, op,
                         (unsigned long long)tli_registry_count(&r));
            tli_registry_free(NULL, &r);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_change_nothing),
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(other_settings_do_not_resume),
        cmocka_unit_test(classes_come_from_the_data),
        cmocka_unit_test(learns_and_evaluates),
        cmocka_unit_test(older_checkpoints_are_read),
        cmocka_unit_test(soft_targets_agree),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(parameter_counts),
    };
    return cmocka_run_group_tests(tests, make_both, remove_both);
}
