/* Members of a JSON object that must be there. */
#ifndef TESTS_JSON_H
#define TESTS_JSON_H

#include "test.h"

#include <cjson/cJSON.h>

#define number(json, key) number_at(HERE, json, key)
#define string(json, key) string_at(HERE, json, key)
double number_at(const char *file, int line, const cJSON *json, const char *key);
const char *string_at(const char *file, int line, const cJSON *json, const char *key);

#endif
