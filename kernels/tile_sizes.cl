// Sizes of the CPU form's products that kernels and host know: of tile.cl, and of what is made of its tiles.

#define TRANSPOSED_COLUMNS 8 // of a panel that are packed at once from rows of a transposed matrix
#define MANY_PANELS        4 // from which on rows of the left operand are taken TOGETHER_ROWS at a time, see tile.cl
#define TOGETHER_ROWS      96
#define MOST_PANELS        16 // of a work-group of the gradient of matrices by offset
