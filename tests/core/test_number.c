/* Floats as text: the shortest decimal that reads back as the same float. Sizes of memory as people read them. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/number.h"

static void floats_are_written_as_people_write_them(void **state)
{
    static const struct {
        float value;
        const char *text;
    } cases[] = {{0.0f, "0"},       {3e-4f, "0.0003"},         {0.05f, "0.05"},
                 {0.999f, "0.999"}, {1e-8f, "1e-08"},          {-2.5f, "-2.5"},
                 {1000.0f, "1000"}, {16777216.0f, "16777216"}, {-FLT_MIN, "-1.1754944e-38"}};
    char text[FLOAT_TEXT_CAPACITY];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(tli_float_text(cases[i].value, text), cases[i].text);
}

/* Floats of random bits. */
static void no_shorter_decimal_reads_back(void **state)
{
    uint32_t bits = 1;
    for (int i = 0; i < 3000; i++) {
        char text[FLOAT_TEXT_CAPACITY], shorter[32];
        float value;
        bits = bits * 1664525u + 1013904223u;
        memcpy(&value, &bits, sizeof value);
        if (!isnormal(value)) continue;
        assert_true(tli_parse_float(tli_float_text(value, text), NULL) == value);
        int digits = 0;
        for (const char *c = text + strspn(text, "-0."); *c != '\0' && *c != 'e'; c++) digits += *c != '.';
        snprintf(shorter, sizeof shorter, "%.*e", digits > 2 ? digits - 2 : 0, (double)value);
        if (digits > 1) assert_true(tli_parse_float(shorter, NULL) != value);
    }
}

static void sizes_have_a_unit(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {1024, "1.00 KiB"},
                 {(1u << 20) + 10486, "1.01 MiB"},
                 {3ull << 29, "1.50 GiB"},
                 {1ull << 52, "4096.00 TiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(TLI_SIZE(cases[i].bytes), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(floats_are_written_as_people_write_them),
                                       cmocka_unit_test(no_shorter_decimal_reads_back),
                                       cmocka_unit_test(sizes_have_a_unit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
