/* translution tokenize: converts text files to train.bin and val.bin. */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "core/clock.h"
#include "core/progress.h"

/* ---- files --------------------------------------------------------------------------------------- */

typedef struct names {
    char **items; /* owned, and so is each */
    size_t count;
} names;

static void free_names(names *list)
{
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    free(list->items);
}

static tl_status add_name(names *list, const char *name, tl_error *err)
{
    char *copy = strdup(name);
    char **items = copy != NULL ? realloc(list->items, (list->count + 1) * sizeof *items) : NULL;
    if (items == NULL) {
        free(copy);
        return tli_fail(err, TL_ERROR_MEMORY, "out of host memory while listing the text files");
    }
    list->items = items;
    list->items[list->count++] = copy;
    return TL_OK;
}

/* An argument is a file, - or, if no such file exists, a pattern that the shell did not expand. */
static tl_status add_word(names *list, const char *word, tl_error *err)
{
    if (strcmp(word, "-") == 0 || access(word, F_OK) == 0 || strpbrk(word, "*?[") == NULL)
        return add_name(list, word, err);
    glob_t found;
    const int code = glob(word, GLOB_ERR, NULL, &found);
    tl_status status = TL_OK;
    if (code == GLOB_NOMATCH)
        status = tli_fail(err, TL_ERROR_INPUT, "no file matches %s", word);
    else if (code != 0)
        status = tli_fail(err, code == GLOB_NOSPACE ? TL_ERROR_MEMORY : TL_ERROR_INPUT, "cannot list %s: %s",
                          word, code == GLOB_NOSPACE ? "out of host memory" : strerror(errno));
    for (size_t i = 0; code == 0 && i < found.gl_pathc && status == TL_OK; i++)
        status = add_name(list, found.gl_pathv[i], err);
    if (code == 0) globfree(&found);
    return status;
}

/* ---- progress ------------------------------------------------------------------------------------ */

static const char *documents_word(uint64_t count)
{
    return count == 1 ? "document" : "documents";
}

static void tokenize_show(void *user, const tl_tokenize_progress *p)
{
    tli_progress *progress = user;
    const double now = tli_clock_seconds();
    if (!tli_progress_is_due(progress, p->bytes, now)) return;
    progress->total = p->total_bytes; /* 0 for a pipe: unknown */
    enum { RANK_DOCUMENTS = 20, RANK_TOKENS = 30 };
    tli_progress_part parts[4] = {
        {TLI_RANK_COUNT, ""}, {RANK_DOCUMENTS, ""}, {RANK_TOKENS, ""}, {TLI_RANK_RATE, ""}};
    const size_t capacity = sizeof parts->text;
    const double rate = tli_progress_rate(progress, p->bytes, now);
    snprintf(parts[0].text, capacity, "%.1f MB", (double)p->bytes * 1e-6);
    snprintf(parts[1].text, capacity, "%" PRIu64 " %s", p->documents, documents_word(p->documents));
    snprintf(parts[2].text, capacity, "%" PRIu64 " tokens", p->tokens);
    if (rate >= 0) snprintf(parts[3].text, capacity, "%.1f MB/s", rate * 1e-6);
    tli_progress_show(progress, p->bytes, parts, 4, now);
}

/* ---- the command --------------------------------------------------------------------------------- */

static tl_status tokenize_check(const tli_cli_options *o, tl_error *err)
{
    const bool files = o->vocab[0] != '\0' || o->encoder[0] != '\0';
    if (o->chars && files)
        return tli_fail(err, TL_ERROR_USAGE,
                        "--chars makes its own vocabulary: leave out --vocab and --encoder");
    if (!o->chars && (o->vocab[0] == '\0' || o->encoder[0] == '\0'))
        return tli_fail(
            err, TL_ERROR_USAGE,
            "tokenize needs --vocab vocab.bpe and --encoder encoder.json (tools/fetch-data gpt2 fetches "
            "GPT-2's), or --chars");
    if (o->settings.run.out[0] == '\0')
        return tli_fail(err, TL_ERROR_USAGE,
                        "tokenize needs --out DIR, the folder for train.bin and val.bin");
    if (o->argument_count == 0)
        return tli_fail(err, TL_ERROR_USAGE, "tokenize needs text files, or - for standard input");
    if (strchr(o->separator, '\n') != NULL)
        return tli_fail(err, TL_ERROR_USAGE, "--separator takes one line, without a line end");
    if (o->per_file && o->separator[0] != '\0')
        return tli_fail(err, TL_ERROR_USAGE,
                        "--per-file and --separator exclude each other: give one of them");
    return TL_OK;
}

static tl_status tokenize_print(const tli_cli_options *o, const tl_tokenize_result *r, double seconds,
                                tl_error *err)
{
    cJSON *json = cJSON_CreateObject();
    tli_json_add_text(json, "task", "tokenize");
    cJSON_AddNumberToObject(json, "documents", (double)r->documents);
    cJSON_AddNumberToObject(json, "val_documents", (double)r->val_documents);
    cJSON_AddNumberToObject(json, "train_tokens", (double)r->train_tokens);
    cJSON_AddNumberToObject(json, "val_tokens", (double)r->val_tokens);
    cJSON_AddNumberToObject(json, "bytes", (double)r->bytes);
    cJSON_AddNumberToObject(json, "not_utf8_bytes", (double)r->not_utf8);
    cJSON_AddNumberToObject(json, "nul_bytes", (double)r->nuls);
    cJSON_AddNumberToObject(json, "vocab_size", r->vocab_size);
    cJSON_AddNumberToObject(json, "seconds", seconds);
    tli_json_add_text(json, "out", o->settings.run.out);
    return tli_cli_print_json(json, err);
}

/* Notices about the text. */
static void notice_bytes(const tl_tokenize_result *r)
{
    if (r->marks > 0)
        tli_cli_say("%" PRIu64 " %s with a byte-order mark, which is left out\n", r->marks,
                    r->marks == 1 ? "file begins" : "files begin");
    if (r->not_utf8 > 0)
        tli_cli_say("%" PRIu64
                    " %s not UTF-8 and stay as they are; if the text has another encoding, convert it first: "
                    "iconv -f LATIN1 -t UTF-8\n",
                    r->not_utf8, r->not_utf8 == 1 ? "byte is" : "bytes are");
    if (r->nuls > 0)
        tli_cli_say("%" PRIu64 " %s NUL and stay in the text; tr -d '\\0' takes them out\n", r->nuls,
                    r->nuls == 1 ? "byte is" : "bytes are");
}

static void tokenize_notice(const tli_cli_options *o, const tl_tokenize_result *r, double seconds)
{
    if (o->quiet) return;
    tli_cli_say("%" PRIu64 " %s, %.1f MB in %.1f seconds (%.1f MB/s): %s/train.bin has %" PRIu64
                " tokens, %s/val.bin %" PRIu64 "\n",
                r->documents, documents_word(r->documents), (double)r->bytes * 1e-6, seconds,
                (double)r->bytes * 1e-6 / seconds, o->settings.run.out, r->train_tokens, o->settings.run.out,
                r->val_tokens);
    notice_bytes(r);
    if (r->val_tokens == 0 && o->val_fraction > 0)
        tli_cli_say(
            "%s/val.bin is empty, since the text is one document; an explicit --val-fraction cuts it\n",
            o->settings.run.out);
}

static tl_status tokenize_build(const tli_cli_options *o, const names *files, const tl_tokenizer *tokenizer,
                                tl_error *err)
{
    static const char default_separator[] = "<|endoftext|>";
    const double begun = tli_clock_seconds();
    tli_progress progress;
    tli_progress_begin(&progress, tli_cli_progress(o), "tokenizing", "bytes", 0, begun);
    const tl_tokenize_options options = {
        .size = sizeof options,
        .tokenizer = tokenizer,
        .files = (const char *const *)files->items,
        .file_count = files->count,
        .out = o->settings.run.out,
        .separator = o->per_file               ? NULL
                     : o->separator[0] != '\0' ? o->separator
                                               : default_separator,
        .val_fraction = o->val_fraction,
        .cut_single = tli_cli_given(o, "val-fraction"),
        .seed = o->settings.training.seed,
        .threads = o->threads,
        .progress = tokenize_show,
        .user = &progress,
        .stop = &tli_cli_signal,
    };
    tl_tokenize_result result;
    const tl_status status = tl_tokenize(&options, &result, err);
    tli_progress_clear(&progress);
    if (status != TL_OK) return status;
    const double seconds = tli_clock_seconds() - begun;
    tokenize_notice(o, &result, seconds);
    return tokenize_print(o, &result, seconds, err);
}

tl_status tli_cmd_tokenize(tli_cli_options *o, tl_error *err)
{
    TLI_TRY(tokenize_check(o, err));
    tli_cli_catch_signals();
    tli_cli_outlive_readers();
    tl_tokenizer *tokenizer = NULL;
    names files = {0};
    tl_status status = o->chars ? TL_OK : tl_tokenizer_open(NULL, o->vocab, o->encoder, &tokenizer, err);
    for (int i = 0; i < o->argument_count && status == TL_OK; i++)
        status = add_word(&files, o->arguments[i], err);
    if (status == TL_OK) status = tokenize_build(o, &files, tokenizer, err);
    free_names(&files);
    tl_tokenizer_destroy(tokenizer);
    return status;
}
