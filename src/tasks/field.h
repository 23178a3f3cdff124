/* A field: one setting of a run, its place in tl_settings, its form in checkpoints and on the command
 * line, and its range. Fields of all tasks are in tasks/settings.c, a task's own in the task's file. */
#ifndef TASKS_FIELD_H
#define TASKS_FIELD_H

#include <stddef.h>

#include "core/choices.h"

typedef enum field_type {
    FIELD_TEXT,   /* an array of characters in the settings */
    FIELD_LABELS, /* class names or vocabulary: only in files, see tli_labels_of; any length */
    FIELD_U32,
    FIELD_U64,
    FIELD_FLOAT,
    FIELD_CHOICE,
    FIELD_BOOL,
    FIELD_AUGMENT /* a tl_augment, as names joined by commas */
} field_type;

/* Purpose of a field, and which commands take its flag. */
enum {
    FIELD_STORED = 1,    /* in checkpoints: affects the model or its training */
    FIELD_TESTED = 2,    /* affects only testing: an evaluation or a resumed run may change it */
    FIELD_TRAIN = 4,     /* a flag of `train` ... */
    FIELD_EVAL = 8,      /* ... of `eval` ... */
    FIELD_LOADER = 16,   /* ... of `bench loader` */
    FIELD_OF_FILES = 32, /* no effect on generated data */
    FIELD_OF_DATA = 64   /* known from the data, unless given on the command line */
};

#define FIELD_FIRST ""

typedef struct field {
    const char *key; /* in metadata and library messages */
    field_type type;
    size_t at, capacity;     /* offset in tl_settings; bytes of a FIELD_TEXT */
    const char *path;        /* the same as C writes it: "training.lr"; NULL: FIELD_LABELS */
    unsigned use;            /* an OR of the above */
    const choices *choices;  /* FIELD_CHOICE and FIELD_AUGMENT */
    double low, high;        /* range of a number; equal: checked by tli_model_check */
    bool zero_is_unset;      /* 0, though below `low`, means "not given"; ... */
    bool minus_one_is_unset; /* ... or -1 does */
    /* Value in checkpoints older than the field; NULL: all checkpoints have it; FIELD_FIRST: the first
     * choice. */
    const char *before;
    const char *after;     /* a task's own field: the key after which it is written; NULL: at the end */
    const char *flag;      /* flag without dashes; NULL: the key with dashes for underscores */
    const char *described; /* name in messages if there is no flag: "the vocabulary of `run.data`" */
    /* A task's own field: its --help text; NULL: the command line has one. */
    const char *help;
    const char *metavar; /* of the flag's value in --help; NULL: N, or the choices */
    const char *follows; /* key of the field whose value is the default */
} field;

/* A field for a member of tl_settings, with the member's name as key, or another one. Add further members
 * as designated initialisers. */
#define FIELD(part, member, kind, purpose, ...) FIELD_AS(#member, part.member, kind, purpose, __VA_ARGS__)
#define FIELD_AS(name, member, kind, purpose, ...)                                                           \
    {                                                                                                        \
        .key = name, .type = kind, .at = offsetof(tl_settings, member), .path = #member, .use = purpose,     \
        __VA_ARGS__                                                                                          \
    }

/* All fields of one task, or of none. */
typedef struct field_table {
    const field *items;
    int count;
} field_table;

#define FIELDS(array)                                                                                        \
    {                                                                                                        \
        array, (int)(sizeof array / sizeof *array)                                                           \
    }

struct tl_settings;

enum { FIELD_TEXT_CAPACITY = 48 }; /* of a value as text; longer ones are truncated */

/* The flag's name, possibly written to `buffer`. */
const char *tli_field_flag(const field *f, char buffer[FIELD_TEXT_CAPACITY]);

/* A value as text, as stored in files. */
void tli_field_write(const field *f, const struct tl_settings *s, char text[FIELD_TEXT_CAPACITY]);
/* False: the text is not a value of the field. */
bool tli_field_read(const field *f, const char *text, struct tl_settings *s);
bool tli_field_same(const field *f, const struct tl_settings *a, const struct tl_settings *b);
void tli_field_copy(const field *f, const struct tl_settings *from, struct tl_settings *to);

/* TL_ERROR_USAGE, naming the field, when a number is out of range or a choice has no name. With `unset`, 0
 * and for choices -1 are allowed: they mean "as stored". */
tl_status tli_field_check(const field *f, const struct tl_settings *s, bool unset, tl_error *err);
/* The error message of the command line and tli_field_check: "`where` takes a whole number from 1 to 5,
 * not '6'". */
tl_status tli_field_refuse(const char *where, bool whole, double low, double high, const char *text,
                           tl_error *err);

#endif
