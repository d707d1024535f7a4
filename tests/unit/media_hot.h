/** What this program asks of the allocator and of locks, by thread: its own malloc() and
 * pthread_mutex_lock() stand before the libraries'. Under a sanitizer, which brings its own,
 * nothing is counted. */
#pragma once

#include <stdbool.h>

struct hot_counts {
    unsigned long allocations, locks;
};

/** False: skip. */
bool hot_counting(void);
/** Of the calling thread so far. */
struct hot_counts hot_here(void);
/** Of all threads but those that have called hot_here(). */
struct hot_counts hot_elsewhere(void);
