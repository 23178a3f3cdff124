#include "core/json_text.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/text.h"

bool tli_json_add_text(struct cJSON *object, const char *key, const char *bytes)
{
    char *text = tli_text_utf8(bytes);
    const bool good = text != NULL && cJSON_AddStringToObject(object, key, text) != NULL;
    free(text);
    return good;
}

struct cJSON *tli_json_text_array(char *const *items, uint32_t count)
{
    cJSON *array = cJSON_CreateArray();
    bool good = array != NULL;
    for (uint32_t i = 0; good && i < count; i++) {
        char *text = tli_text_utf8(items[i]);
        good = text != NULL && cJSON_AddItemToArray(array, cJSON_CreateString(text));
        free(text);
    }
    if (good) return array;
    cJSON_Delete(array);
    return NULL;
}
