/* assert_between: for numbers of any type. cmocka's own ranges have other names in each of its versions. */
#ifndef TESTS_BETWEEN_H
#define TESTS_BETWEEN_H

#define assert_between(value, least, most)                                                                   \
    do {                                                                                                     \
        const double between_value = (double)(value);                                                        \
        if (!(between_value >= (double)(least) && between_value <= (double)(most)))                          \
            fail_msg("%s is %g, not between %g and %g", #value, between_value, (double)(least),              \
                     (double)(most));                                                                        \
    } while (0)

#endif
