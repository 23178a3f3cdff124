/* The program on a model that another program trained on data of its own: it is described, and what needs the data says so. */
#include "own_data.h"
#include "program.h"

/* A run of one step in the folder `out`, made as a user of the library makes it. */
static void train_own(const char *task, const char *out)
{
    static own_data numbers;
    tl_settings s = own_settings(task, out);
    tl_data data = own_of(&numbers, &s);
    tl_context *ctx = NULL;
    tl_trainer *trainer = NULL;
    tl_result result;
    s.training.steps = 1;
    if (s.model.arch == TL_ARCH_VIT) data.labels = "[\"north\", \"east\", \"south\", \"west\"]";
    const tl_trainer_config c = {.size = sizeof c, .settings = &s, .data = &data};
    assert_int_equal(tl_context_create(NULL, &ctx, NULL), TL_OK);
    assert_int_equal(tl_trainer_create(ctx, &c, &trainer), TL_OK);
    assert_int_equal(tl_trainer_run(ctx, trainer, &result), TL_OK);
    tl_context_destroy(ctx);
}
#define train_own(...) FROM_HERE(train_own(__VA_ARGS__))

static void own_models_are_described(void **unused)
{
    static const char *const words[] = {"was trained by a program on data of its own", "`translution info`"};
    train_own("own-vit", "vit");
    train_own("own-gpt", "gpt");
    write_text("one.ppm", "P3 1 1 255 0 0 0\n");
    fails(2, "eval vit", words[0], words[1]);
    fails(2, "eval gpt/model.safetensors", words[0], words[1]);
    fails(2, "predict vit one.ppm", "no checkpoint for single images", "mnist and vit");
    fails(2, "predict gpt one.ppm", "no checkpoint for single images", "mnist and vit");
    fails(2, "generate gpt --vocab a --encoder b", words[0], words[1]);
    fails(2, "generate vit", words[0], words[1]);
    succeeds("info vit");
    assert_non_null(strstr(seen.out, "own-vit"));
    assert_non_null(strstr(seen.out, "[\"north\",\"east\",\"south\",\"west\"]"));
    succeeds("info gpt");
    assert_non_null(strstr(seen.out, "own-gpt"));
}

static void own_tasks_are_not_offered(void **unused)
{
    fails(2, "train own-vit", "unknown task 'own-vit'", "mnist, vit, gpt");
    fails(2, "bench step --task own-gpt", "unknown --task 'own-gpt'");
    succeeds("train --help");
    assert_null(strstr(seen.out, "own-vit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_models_are_described),
        cmocka_unit_test(own_tasks_are_not_offered),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
