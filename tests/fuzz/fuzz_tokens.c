/* Two bytes say the vocabulary's size, one the length of a window; behind them stands the token file. */
#include "fuzz.h"

#include "data/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[160];
    tli_tokens tokens = {0};
    tl_error err = {0};
    if (size < 3) return 0;
    const uint32_t vocab = 1u + data[0] + 256u * data[1], length = 1u + data[2];
    fuzz_write(path, "train.bin", data + 3, size - 3);
    tl_status status = tli_tokens_open(path, vocab, false, &tokens, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    if (status != TL_OK) return 0;
    FUZZ_CHECK(tokens.count == (size - 3) / 2);
    for (uint64_t i = 0; i < tokens.count; i++) FUZZ_CHECK(tli_tokens_at(&tokens, i) < vocab);
    status = tli_tokens_check_window(&tokens, length, &err);
    FUZZ_CHECK_MESSAGE(status, err);
    if (status == TL_OK) {
        uint32_t x[256], y[256];
        const uint64_t windows = tli_tokens_window_count(&tokens, length);
        FUZZ_CHECK(windows >= 1);
        for (uint64_t sample = 0; sample < 4; sample++)
            tli_tokens_read_window(&tokens, tli_tokens_random_window(&tokens, 1, sample, sample, length),
                                   length, x, y);
        tli_tokens_read_window(&tokens, (windows - 1) * length, length, x, y);
    }
    tli_tokens_close(&tokens);
    return 0;
}
