// Sizes of the products over pairs of tokens, for both forms of their kernels.
//   -DINNER=C -DHEADS=h -DHEAD_DIM=d
//   -DQ_RELATIVE=0|1 -DK_RELATIVE=0|1 -DQ_STRIDE=floats -DK_STRIDE=floats
// A score's side is relative (its rows have INNER channels and pass through a matrix per offset) or plain (its rows
// are the WIDTH channels of q or k already); the strides lie between its rows in memory.

#define WIDTH  (HEADS * HEAD_DIM)
#define MATRIX ((ulong)INNER * WIDTH)
#ifndef Q_RELATIVE
#define Q_RELATIVE 1
#define Q_STRIDE   INNER
#endif
#ifndef K_RELATIVE
#define K_RELATIVE 1
#define K_STRIDE   INNER
#endif
