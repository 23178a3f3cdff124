/* The tables of settings: what each task has, what it begins with, how two runs differ, in the words of the command
 * line. */
#include "test.h"

#include "tasks/metadata.h"
#include "tasks/settings_check.h"
#include "tasks/task.h"

static tl_settings begin(const char *task)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, task));
    return s;
}
#define begin(...) VALUE_FROM_HERE(begin(__VA_ARGS__))

/* Each setting once, and none outside of tl_settings. */
static void fields_are_distinct(void **unused)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const field *list[FIELDS_MAX];
        const int count = tli_settings_fields(tli_task_at(t), list);
        assert_true(count > 30);
        assert_true(count < FIELDS_MAX);
        for (int i = 0; i < count; i++) {
            assert_true(list[i]->at < sizeof(tl_settings));
            for (int k = 0; k < i; k++) {
                assert_string_not_equal(list[i]->key, list[k]->key);
                if (list[i]->type != FIELD_LABELS) assert_true(list[i]->at != list[k]->at);
            }
        }
        for (int i = 0; i < tli_task_at(t)->fields.count;
             i++) { /* every one of the task's has its place in the order */
            int found = 0;
            for (int k = 0; k < count; k++) found += list[k] == &tli_task_at(t)->fields.items[i];
            if (found != 1)
                fail_msg("%s of %s stands %d times in the list of fields",
                         tli_task_at(t)->fields.items[i].key, tli_task_at(t)->name, found);
        }
    }
}

/* What a task begins with makes a run, is written and read back. */
static void defaults_make_runs(void **unused)
{
    for (int t = 0; tli_task_at(t) != NULL; t++) {
        const tl_settings s = begin(tli_task_at(t)->name);
        tl_settings back = begin(tli_task_at(0)->name);
        tli_metadata m;
        tl_error err = {0};
        if (tli_settings_check(&s, true, &err) != TL_OK) fail_msg("%s: %s", tli_task_at(t)->name, err.text);
        tli_metadata_write(&s, NULL, &m);
        const tli_safetensors st = {.metadata = m.pairs, .metadata_count = m.count, .path = "none"};
        if (tli_settings_from_metadata(&st, &back, &err) != TL_OK)
            fail_msg("%s: %s", tli_task_at(t)->name, err.text);
        settings_difference d;
        if (tli_settings_differ(&s, NULL, &back, NULL, &d))
            fail_msg("%s: %s is %s, then %s", tli_task_at(t)->name, d.what, d.a, d.b);
    }
}

/* Bounds that a float cannot hold exactly are allowed all the same; what lies beyond them is not. */
static void bounds_are_allowed(void **unused)
{
    tl_settings s;
    assert_true(tl_settings_default(&s, tli_task_at(0)->name));
    s.training.eps = 1e-12f, s.training.grad_clip = 1e30f;
    assert_int_equal(tli_settings_check(&s, true, NULL), TL_OK);
    s.training.eps = 0.9e-12f;
    assert_int_equal(tli_settings_check(&s, true, NULL), TL_ERROR_USAGE);
    s.training.eps = 1e-12f, s.training.grad_clip = 1.1e30f;
    assert_int_equal(tli_settings_check(&s, true, NULL), TL_ERROR_USAGE);
}

/* Files of one task are the same as ever, also in the order of their keys. */
static void order_of_keys(void **unused)
{
    static const char *const wanted[][2] = {
        {"mnist",
         "task op pos pool image_depth image_height image_width channels patch_depth patch_height "
         "patch_width "
         "classes dim depth heads head_dim mlp_dim relenc_dim relative offset_sharing sharing_radius window "
         "translution_layers motion test_motion seed epochs steps batch_size lr weight_decay grad_clip "
         "optimizer beta1 beta2 eps schedule schedule_version warmup limit_train limit_test grad_slices "
         "precision "},
        {"vit",
         "task op pos pool image_depth image_height image_width channels patch_depth patch_height "
         "patch_width "
         "classes dim depth heads head_dim mlp_dim relenc_dim relative offset_sharing sharing_radius window "
         "translution_layers seed epochs steps batch_size lr weight_decay grad_clip optimizer beta1 beta2 "
         "eps schedule "
         "schedule_version "
         "warmup limit_train limit_test grad_slices precision augment exact_decode class_names "},
        {"gpt",
         "task op pos seq_len vocab_size vocabulary dim depth heads head_dim mlp_dim relenc_dim relative "
         "offset_sharing sharing_radius window translution_layers seed epochs steps batch_size lr "
         "weight_decay "
         "grad_clip optimizer beta1 beta2 eps schedule schedule_version warmup samples_per_epoch limit_train "
         "limit_test grad_slices precision "}};
    for (int t = 0; t < 3; t++) {
        const tl_settings s = begin(wanted[t][0]);
        char keys[2000] = "";
        tli_metadata m;
        tli_metadata_write(&s, NULL, &m);
        for (int i = 0; i < m.count; i++) {
            strcat(keys, m.pairs[i].key);
            strcat(keys, " ");
        }
        assert_string_equal(keys, wanted[t][1]);
    }
}

static void differ(tl_settings a, tl_settings b, const char *what, const char *of_a, const char *of_b)
{
    settings_difference d;
    assert_true(tli_settings_differ(&a, NULL, &b, NULL, &d));
    assert_string_equal(d.what, what);
    assert_string_equal(d.a, of_a);
    assert_string_equal(d.b, of_b);
}
#define differ(...) FROM_HERE(differ(__VA_ARGS__))

/* A refusal names what the user typed. */
static void differences_are_flags(void **unused)
{
    tl_settings a = begin("mnist"), b = a;
    settings_difference d;
    assert_false(tli_settings_differ(&a, NULL, &b, NULL, &d));
    b.model.image_width = 96;
    differ(a, b, "`model.image_width`", "84x84", "84x96");
    b = a;
    b.model.image_depth = 4;
    differ(a, b, "`model.image_depth`", "84x84", "4x84x84");
    b = a;
    b.model.patch_depth = 2;
    differ(a, b, "`model.patch_depth`", "12x12", "2x12x12");
    b = a;
    b.model.sharing = TL_SHARING_CLIP, b.model.sharing_radius = 2;
    differ(a, b, "`model.sharing`", "none", "clip:2");
    a = b;
    b.model.sharing_radius = 3;
    differ(a, b, "`model.sharing_radius`", "clip:2", "clip:3");
    a = b = begin("vit");
    b.training.lr = 1e-3f, b.training.exact_decode = true;
    differ(a, b, "`training.lr`", "0.0003", "0.001");
    b.training.lr = a.training.lr;
    differ(a, b, "`training.exact_decode`", "false", "true");
    b = a;
    assert_true(tli_settings_differ(&a, NULL, &b, "[\"cat\",\"dog\"]", &d));
    assert_string_equal(d.what, "the list of classes of `run.data`");
    assert_string_equal(d.a, "unknown");
    assert_string_equal(d.b, "[\"cat\",\"dog\"]");
    assert_false(tli_settings_differ(&a, "[\"cat\"]", &b, "[\"cat\"]", &d));
    a = b = begin("mnist");
    b.training.epochs = 3;
    differ(a, b, "`training.epochs`", "20", "3");
    a.training.steps = 40; /* which decide */
    differ(a, b, "`training.steps`", "40", "not given");
    b.training.steps = 50;
    differ(a, b, "`training.steps`", "40", "50");
    b.training.steps = 40;
    assert_false(tli_settings_differ(&a, NULL, &b, NULL, &d));
    a = b = begin("gpt");
    b.model.vocab_size = 99;
    differ(a, b, "`model.vocab_size`", "50257", "99");
    b = begin("mnist");
    differ(a, b, "the task", "gpt", "mnist");
}

static void flags_of_tasks(void **unused)
{
    assert_true(tli_settings_has_flag(tli_task_find("mnist"), "test-motion"));
    assert_false(tli_settings_has_flag(tli_task_find("vit"), "test-motion"));
    assert_true(tli_settings_has_flag(tli_task_find("vit"), "image-size"));
    assert_false(tli_settings_has_flag(tli_task_find("gpt"), "image-size"));
    assert_true(tli_settings_has_flag(tli_task_find("gpt"), "lr"));
    char names[TASK_NAMES_CAPACITY];
    assert_string_equal(tli_task_names(NULL, "|", names), "mnist|vit|gpt");
    assert_string_equal(tli_task_names(tli_task_takes_pictures, " and ", names), "mnist and vit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_distinct),   cmocka_unit_test(defaults_make_runs),
        cmocka_unit_test(bounds_are_allowed),    cmocka_unit_test(order_of_keys),
        cmocka_unit_test(differences_are_flags), cmocka_unit_test(flags_of_tasks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
