#include "cli/gnuplot.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Files for the child's three standard streams: no pipes, so that neither waits for the other. */
typedef struct streams {
    FILE *script, *drawn, *messages;
} streams;

/* The whole file as text, freed by the caller; NULL: errno says why. */
static char *file_text(FILE *file)
{
    const long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text == NULL) return NULL;
    rewind(file);
    text[fread(text, 1, (size_t)length, file)] = '\0';
    return text;
}

/* Starts gnuplot and waits for its end. Returns 0 with its wait status, or an errno. */
static int run_gnuplot(const streams *s, int *ended)
{
    char *const words[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char[]){"-"}, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) return code;
    code = posix_spawn_file_actions_adddup2(&actions, fileno(s->script), STDIN_FILENO);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, fileno(s->drawn), STDOUT_FILENO);
    if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, fileno(s->messages), STDERR_FILENO);
    if (code == 0) code = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    while (code == 0 && waitpid(child, ended, 0) < 0)
        if (errno != EINTR) code = errno;
    return code;
}

/* The last line of text that gnuplot printed says what is wrong. */
static tl_status gnuplot_failed(FILE *messages, tl_error *err)
{
    char *text = file_text(messages);
    const char *line = "it printed no reason";
    for (char *word = text != NULL ? strtok(text, "\n") : NULL; word != NULL; word = strtok(NULL, "\n"))
        if (word[strspn(word, " \t^")] != '\0') line = word + strspn(word, " \t^");
    tli_fail(err, TL_ERROR_IO, "gnuplot failed while it drew the curves: %.200s", line);
    free(text);
    return TL_ERROR_IO;
}

static tl_status draw(const streams *s, char **drawn, tl_error *err)
{
    int ended = 0;
    if (fflush(s->script) != 0 || fseek(s->script, 0, SEEK_SET) != 0)
        return tli_fail(err, TL_ERROR_IO, "a script for gnuplot could not be written: %s", strerror(errno));
    const int code = run_gnuplot(s, &ended);
    if (code == ENOENT || (code == 0 && WIFEXITED(ended) && WEXITSTATUS(ended) == 127))
        return tli_fail(err, TL_ERROR_IO,
                        "report draws its curves with gnuplot, which is not installed: install it, on Debian "
                        "and Ubuntu by `apt-get install gnuplot-nox`, and try again");
    if (code != 0)
        return tli_fail(err, TL_ERROR_IO, "gnuplot, which draws the curves, cannot be started: %s",
                        strerror(code));
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) return gnuplot_failed(s->messages, err);
    *drawn = file_text(s->drawn);
    if (*drawn == NULL)
        return tli_fail(err, TL_ERROR_IO, "what gnuplot drew cannot be read: %s", strerror(errno));
    return TL_OK;
}

tl_status tli_gnuplot(FILE *script, char **drawn, tl_error *err)
{
    const streams s = {script, tmpfile(), tmpfile()};
    *drawn = NULL;
    const tl_status status = s.drawn != NULL && s.messages != NULL
                                 ? draw(&s, drawn, err)
                                 : tli_fail(err, TL_ERROR_IO,
                                            "no temporary file for gnuplot could be made: %s",
                                            strerror(errno));
    if (s.drawn != NULL) fclose(s.drawn);
    if (s.messages != NULL) fclose(s.messages);
    return status;
}
