/* A test that cannot run here says why and what it needs; tools/test collects these lines. */
#ifndef TESTS_SKIP_H
#define TESTS_SKIP_H

#define skip_because(why, what)                                                                              \
    do {                                                                                                     \
        print_message("skip: %s; to run it: %s\n", (why), (what));                                           \
        skip();                                                                                              \
    } while (0)

#endif
