/* Strings for JSON: names from outside are arbitrary bytes and are converted by core/text.h. All strings
 * given to cJSON go through here, as cJSON would write any bytes (tests/tree/check_texts.sh). */
#ifndef CORE_JSON_TEXT_H
#define CORE_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

struct cJSON;

/* False: out of memory. */
bool tli_json_add_text(struct cJSON *object, const char *key, const char *bytes);
/* An array of strings, or NULL. */
struct cJSON *tli_json_text_array(char *const *items, uint32_t count);

#endif
