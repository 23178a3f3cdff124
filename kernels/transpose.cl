// Transposition in registers. More than one file of a program may want it.

#ifndef TRANSPOSE
#define TRANSPOSE

// Pairs, then fours of rows, within halves of 4 floats, as registers are shuffled fastest; then the halves. By elements:
// oclgrind takes vectors that are made of vectors for unwritten.
#define ROWS_LOW(x, y)    (float8)(x.s0, y.s0, x.s1, y.s1, x.s4, y.s4, x.s5, y.s5)
#define ROWS_HIGH(x, y)   (float8)(x.s2, y.s2, x.s3, y.s3, x.s6, y.s6, x.s7, y.s7)
#define ROWS_FIRST(x, y)  (float8)(x.s0, x.s1, y.s0, y.s1, x.s4, x.s5, y.s4, y.s5)
#define ROWS_SECOND(x, y) (float8)(x.s2, x.s3, y.s2, y.s3, x.s6, x.s7, y.s6, y.s7)
#define ROWS_LEFT(x, y)   (float8)(x.s0, x.s1, x.s2, x.s3, y.s0, y.s1, y.s2, y.s3)
#define ROWS_RIGHT(x, y)  (float8)(x.s4, x.s5, x.s6, x.s7, y.s4, y.s5, y.s6, y.s7)

// rows[i][j] becomes rows[j][i].
static inline void transpose8(float8 rows[8])
{
    const float8 a = ROWS_LOW(rows[0], rows[1]), b = ROWS_HIGH(rows[0], rows[1]),
                 c = ROWS_LOW(rows[2], rows[3]), d = ROWS_HIGH(rows[2], rows[3]),
                 e = ROWS_LOW(rows[4], rows[5]), f = ROWS_HIGH(rows[4], rows[5]),
                 g = ROWS_LOW(rows[6], rows[7]), h = ROWS_HIGH(rows[6], rows[7]);
    const float8 upper0 = ROWS_FIRST(a, c), upper1 = ROWS_SECOND(a, c), upper2 = ROWS_FIRST(b, d),
                 upper3 = ROWS_SECOND(b, d), lower0 = ROWS_FIRST(e, g), lower1 = ROWS_SECOND(e, g),
                 lower2 = ROWS_FIRST(f, h), lower3 = ROWS_SECOND(f, h);
    rows[0] = ROWS_LEFT(upper0, lower0);
    rows[1] = ROWS_LEFT(upper1, lower1);
    rows[2] = ROWS_LEFT(upper2, lower2);
    rows[3] = ROWS_LEFT(upper3, lower3);
    rows[4] = ROWS_RIGHT(upper0, lower0);
    rows[5] = ROWS_RIGHT(upper1, lower1);
    rows[6] = ROWS_RIGHT(upper2, lower2);
    rows[7] = ROWS_RIGHT(upper3, lower3);
}

#endif
