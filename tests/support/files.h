/* A fresh folder for a test program, and files in it. Names are relative to that folder; absolute paths stay what they are. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

extern char folder[200]; /* "" before make_folder */

/* Set-up and tear-down of a group: makes `folder`, empty, under $TMPDIR or /tmp, and removes it with all that is in it. */
int make_folder(void **state);
int remove_folder(void **state);
int remove_empty_folder(void **state); /* fails where a test left a file */

/* A name's path, one of 16 buffers by turns; and that of a name in another folder. */
const char *at(const char *name);
const char *inside(const char *parent, const char *name);

bool exists(const char *name);
void remove_tree(const char *name);

#define write_file(name, data, bytes) write_file_at(HERE, name, data, bytes)
#define write_text(name, text)        write_text_at(HERE, name, text)
void write_file_at(const char *file, int line, const char *name, const void *data, size_t bytes);
void write_text_at(const char *file, int line, const char *name, const char *text);

/* The whole file, which must fit, with a 0 behind it; its bytes. read_all: freed by the caller, `bytes` may be NULL. */
#define read_file(name, data, capacity) read_file_at(HERE, name, data, capacity)
#define read_all(name, bytes)           read_all_at(HERE, name, bytes)
size_t read_file_at(const char *file, int line, const char *name, void *data, size_t capacity);
char *read_all_at(const char *file, int line, const char *name, size_t *bytes);

/* Counts how often a file is opened, by any process: between watch_opens, which returns a handle, and opens_seen, which
 * closes it. */
#define watch_opens(name) watch_opens_at(HERE, name)
int watch_opens_at(const char *file, int line, const char *name);
int opens_seen(int watch);

/* Two files hold the same bytes. */
#define assert_same_file(a, b) assert_same_file_at(HERE, a, b)
void assert_same_file_at(const char *file, int line, const char *a, const char *b);

#endif
