/* CRC-32C against the examples of RFC 3720 (B.4) and the usual check value. */
#include "test.h"

#include <string.h>

#include "core/crc32c.h"

static void test_known_answers(void **state)
{
    unsigned char bytes[32];
    assert_int_equal(tli_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(tli_crc32c("", 0), 0);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(tli_crc32c(bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(tli_crc32c(bytes, sizeof bytes), 0x62a8ab43);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(tli_crc32c(bytes, sizeof bytes), 0x46dd794e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
