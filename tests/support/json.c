#include "json.h"

double number_at(const char *file, int line, const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsNumber(item)) fail_at(file, line, "the JSON object has no number '%s'", key);
    return item->valuedouble;
}

const char *string_at(const char *file, int line, const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsString(item)) fail_at(file, line, "the JSON object has no text '%s'", key);
    return item->valuestring;
}
