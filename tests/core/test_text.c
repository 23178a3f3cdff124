/* Any bytes become UTF-8, and cells of tables; different bytes stay different. */
#include "test.h"

#include "core/text.h"

static void expect(const char *bytes, const char *utf8, const char *cell)
{
    char *text = tli_text_utf8(bytes), *in_table = tli_text_cell(text);
    assert_string_equal(text, utf8);
    assert_string_equal(in_table, cell);
    assert_true(tli_text_is_utf8(text));
    assert_true(tli_text_is_utf8(in_table));
    assert_int_equal(tli_text_is_utf8(bytes), strcmp(bytes, text) == 0 || strstr(bytes, "\\x") != NULL);
    free(text), free(in_table);
}
#define expect(...) FROM_HERE(expect(__VA_ARGS__))

static void test_known(void **state)
{
    expect("", "", "");
    expect("dog", "dog", "dog");
    expect("caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x95", "caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x95",
           "caf\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x90\x95");
    expect("caf\xe9", "caf\\xe9", "caf\\\\xe9");
    expect("\xe4\xb8", "\\xe4\\xb8", "\\\\xe4\\\\xb8"); /* cut off */
    expect("\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80",
           "\\\\xc0\\\\xaf\\\\xed\\\\xa0\\\\x80"); /* overlong; a surrogate */
    expect("a\tb\nc\rd\\e", "a\tb\nc\rd\\e", "a\\tb\\nc\\rd\\\\e");
    expect("\x01\x7f", "\x01\x7f", "\\x01\\x7f");
    expect("a\\xe9", "a\\x5cxe9", "a\\\\x5cxe9"); /* looks like an escape */
    expect("\\", "\\", "\\\\");
}

/* Undoes \xNN and, of cells, the escapes of one letter. */
static void undo(const char *text, bool is_cell, char *out)
{
    static const char letters[] = "tnr\\", special[] = "\t\n\r\\";
    while (*text != '\0') {
        const char *letter = is_cell && *text == '\\' && text[1] != '\0' ? strchr(letters, text[1]) : NULL;
        unsigned byte;
        if (letter != NULL) {
            *out++ = special[letter - letters];
            text += 2;
        } else if (*text == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1) {
            *out++ = (char)byte;
            text += 4;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* Random bytes, most of them special ones, come back from both forms. */
static void test_reversible(void **state)
{
    static const char some[] = "\\\\\\xx5ce9tnr\t\n\r\x01\x7f\xc3\xa9\xe9\xff \xe4\xb8\xad";
    uint32_t random = 7;
    for (int i = 0; i < 20000; i++) {
        char bytes[12], back[100], text_back[100];
        size_t length = (random = random * 1664525 + 1013904223) >> 29;
        for (size_t k = 0; k < length; k++) {
            random = random * 1664525 + 1013904223;
            bytes[k] = some[(random >> 8) % (sizeof some - 1)];
        }
        bytes[length] = '\0';
        char *text = tli_text_utf8(bytes), *cell = tli_text_cell(text), *direct = tli_text_cell(bytes);
        assert_true(tli_text_is_utf8(text));
        assert_true(tli_text_is_utf8(cell));
        assert_null(strpbrk(cell, "\t\n\r"));
        undo(text, false, back);
        assert_string_equal(back, bytes);
        undo(cell, true, text_back);
        assert_string_equal(text_back, text);
        if (!tli_text_is_utf8(bytes)) assert_string_equal(direct, cell);
        free(text), free(cell), free(direct);
    }
}

static void the_last_item_of_a_list_has_a_word(void **state)
{
    static const char *const lists[][2] = {
        {"", ""}, {"a", "a"}, {"a, b", "a or b"}, {"a, b, c", "a, b or c"}};
    char text[10];
    for (int i = 0; i < 4; i++) {
        strcpy(text, lists[i][0]);
        tli_text_last_item(text, sizeof text, "or");
        assert_string_equal(text, lists[i][1]);
    }
    strcpy(text, "a, bc, de"); /* with the word it has no room */
    tli_text_last_item(text, sizeof text, "or");
    assert_string_equal(text, "a, bc, de");
}

static void blanks_around_text_are_cut_off(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", ""}, {" \t\r", ""}, {"a", "a"}, {"\t a b \r", "a b"}, {"\na", "\na"}};
    char text[8];
    for (int i = 0; i < 5; i++) {
        strcpy(text, texts[i][0]);
        assert_string_equal(tli_text_trim(text), texts[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_reversible),
                                       cmocka_unit_test(the_last_item_of_a_list_has_a_word),
                                       cmocka_unit_test(blanks_around_text_are_cut_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
