/* One setting of a run: where it lies in tl_settings, how a checkpoint and the command line write it, and what it may
 * be. Settings that all tasks have stand in tasks/settings.c, a task's own in the task's file. */
#ifndef TASKS_FIELD_H
#define TASKS_FIELD_H

#include <stddef.h>

#include "core/choices.h"

typedef enum field_type {
    FIELD_TEXT,   /* an array of characters in the settings */
    FIELD_LABELS, /* what classes or ids stand for: in files alone, see tli_labels_of; of any length */
    FIELD_U32,
    FIELD_U64,
    FIELD_FLOAT,
    FIELD_CHOICE,
    FIELD_BOOL,
    FIELD_AUGMENT /* a tl_augment, as names joined by commas */
} field_type;

/* What a field is for, and which commands take its flag. */
enum {
    FIELD_STORED = 1,    /* in checkpoints: it shapes the model or its training */
    FIELD_TESTED = 2,    /* how a model is tested: an evaluation and a resumed run may have another value */
    FIELD_TRAIN = 4,     /* a flag of `train` ... */
    FIELD_EVAL = 8,      /* ... of `eval` ... */
    FIELD_LOADER = 16,   /* ... of `bench loader` */
    FIELD_OF_FILES = 32, /* means nothing to data that are drawn */
    FIELD_OF_DATA = 64   /* the data know it, unless the command line says it */
};

#define FIELD_FIRST ""

typedef struct field {
    const char *key; /* in metadata and messages of the library */
    field_type type;
    size_t at, capacity;     /* in tl_settings; bytes of a FIELD_TEXT */
    unsigned use;            /* an OR of the above */
    const choices *choices;  /* FIELD_CHOICE and FIELD_AUGMENT */
    double low, high;        /* range of a number; equal: tli_model_check knows it */
    bool zero_is_unset;      /* 0, though below `low`, stands for "not asked for"; ... */
    bool minus_one_is_unset; /* ... or -1 does */
    const char *before;      /* its value in checkpoints that are older than the field; NULL: all have it,
                         * FIELD_FIRST: the first of the choices */
    const char *after;       /* a task's own: the key behind which it is written; NULL: at the end */
    const char *flag; /* the flag that sets it, without dashes; NULL: the key with dashes for underscores */
    const char *described; /* what messages call it where no flag says it: "the vocabulary of --data" */
    /* a task's own: of the flag, for --help; NULL: the command line has its own line for it */
    const char *help;
    const char *metavar; /* of the flag's value; NULL: N, or the choices */
    const char *follows; /* key of the field whose value it takes where its flag is not given */
} field;

/* The field of a member of tl_settings, whose key is its name, or another one. More follows as designated initialisers. */
#define FIELD(part, member, kind, purpose, ...) FIELD_AS(#member, part.member, kind, purpose, __VA_ARGS__)
#define FIELD_AS(name, member, kind, purpose, ...)                                                           \
    {                                                                                                        \
        .key = name, .type = kind, .at = offsetof(tl_settings, member), .use = purpose, __VA_ARGS__          \
    }

/* The fields of one owner. */
typedef struct field_table {
    const field *items;
    int count;
} field_table;

#define FIELDS(array)                                                                                        \
    {                                                                                                        \
        array, (int)(sizeof array / sizeof *array)                                                           \
    }

struct tl_settings;

enum { FIELD_TEXT_CAPACITY = 48 }; /* of a value as text; long texts are cut */

/* The flag's name, which may lie in `room`. */
const char *tli_field_flag(const field *f, char capacity[FIELD_TEXT_CAPACITY]);

/* A value as files have it. */
void tli_field_write(const field *f, const struct tl_settings *s, char text[FIELD_TEXT_CAPACITY]);
/* False: the text is no value of the field. */
bool tli_field_read(const field *f, const char *text, struct tl_settings *s);
bool tli_field_same(const field *f, const struct tl_settings *a, const struct tl_settings *b);
void tli_field_copy(const field *f, const struct tl_settings *from, struct tl_settings *to);

/* TL_ERROR_USAGE, naming the field, when a number is out of its range or a choice has no name. With `unset`, 0 and, of
 * choices, -1 are fine as well: they stand for "as stored". */
tl_status tli_field_check(const field *f, const struct tl_settings *s, bool unset, tl_error *err);
/* "`where` takes a whole number from 1 to 5, not '6'": how the command line and tli_field_check refuse. */
tl_status tli_field_refuse(const char *where, bool whole, double low, double high, const char *text,
                           tl_error *err);

#endif
