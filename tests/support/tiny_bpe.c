#include "tiny_bpe.h"

#include <stdio.h>
#include <string.h>

const char *const tiny_merges[TINY_MERGES] = {"h e", "l l",   "he ll", "hell o", "Ġ w",     "a a", "aa aa",
                                              "o r", "Ġw or", "xy z",  "l d",    "Ġwor ld", "' s", "x y",
                                              "Ã ©", "Ġ Ġ",   "' l",   "1 2",    "b a",     "Ċ Ċ"};

const char *tiny_letter(int byte, char out[3])
{
    int code = byte, next = 256;
    for (int b = 0; b <= byte; b++)
        if (!((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174)) {
            if (b == byte) code = next;
            next++;
        }
    memset(out, 0, 3);
    if (code < 0x80) {
        out[0] = (char)code;
    } else {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

int tiny_write(const char *vocab_path, const char *encoder_path)
{
    FILE *file = fopen(vocab_path, "wb");
    if (file == NULL) return -1;
    fprintf(file, "#version: 0.2\n");
    for (int i = 0; i < TINY_MERGES; i++) fprintf(file, "%s\n", tiny_merges[i]);
    if (fclose(file) != 0 || (file = fopen(encoder_path, "wb")) == NULL) return -1;
    fprintf(file, "{\n");
    for (int b = 0; b < 256; b++) {
        char letter[3];
        fprintf(file, "\"%s%s\": %d,\n", b == '"' || b == '\\' ? "\\" : "", tiny_letter(b, letter), b);
    }
    for (int i = 0; i < TINY_MERGES; i++) {
        const char *space = strchr(tiny_merges[i], ' ');
        fprintf(file, "\"%.*s%s\": %d,\n", (int)(space - tiny_merges[i]), tiny_merges[i], space + 1,
                TINY_MERGE + i);
    }
    fprintf(file, "\"<|endoftext|>\": %d\n}\n", TINY_END);
    return fclose(file);
}
