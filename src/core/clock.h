/* Monotonic time, for rates and progress: never goes back when the wall clock is set. */
#ifndef TL_CORE_CLOCK_H
#define TL_CORE_CLOCK_H

/* Seconds since an arbitrary start that stays the same within the process. */
double tl_clock_seconds(void);
/* Seconds that all threads of this process have computed. */
double tl_clock_cpu_seconds(void);

#endif
