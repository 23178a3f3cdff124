/* Monotonic time, for rates and progress: never goes back when the wall clock is set. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

/* Seconds since an arbitrary start that stays the same within the process. */
double tli_clock_seconds(void);
/* CPU seconds used by all threads of this process. */
double tli_clock_cpu_seconds(void);

#endif
