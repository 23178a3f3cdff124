/* Messages of the library, which name fields, as the program says them: with flags. */
#include "cli/field_names.h"

#include "test.h"

static void says(const char *text, const char *expected)
{
    char out[256];
    tli_cli_name_flags(text, out, sizeof out);
    assert_string_equal(out, expected);
}
#define says(...) FROM_HERE(says(__VA_ARGS__))

static void a_field_becomes_its_flag(void **unused)
{
    says("use a smaller `training.batch_size`", "use a smaller --batch-size");
    says("`run.resume` and `run.out` x", "--resume and --out x");
    says("leave `relative` out", "leave --relative out");
    says("`model.image_width` and `model.patch_depth`",
         "--image-size (or --grid times --patch-size) and --patch-size");
    says("`model.sharing_radius`", "--offset-sharing");
    says("`training.exact_decode`, `training.augment`", "--exact-decode, --augment");
    says("`gemm` own, `prompt`, `vocab`", "--gemm own, --prompt, --vocab");
}

static void what_is_no_field_stays(void **unused)
{
    says("", "");
    says("see `translution devices --self-test`", "see `translution devices --self-test`");
    says("the file training.batch_size is no field", "the file training.batch_size is no field");
    says("`training.batch_siz` `training.` `.lr` ``", "`training.batch_siz` `training.` `.lr` ``");
    says("one ` alone", "one ` alone");
}

static void a_text_that_is_too_long_is_cut_off(void **unused)
{
    char out[8];
    tli_cli_name_flags("use `training.batch_size`", out, sizeof out);
    assert_string_equal(out, "use --b");
    tli_cli_name_flags("123456789", out, sizeof out);
    assert_string_equal(out, "1234567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_becomes_its_flag),
        cmocka_unit_test(what_is_no_field_stays),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
