/** Where finished log lines go. A reader of stderr who does not read (a full pipe, a stalled
 * journal) must not block the call thread: after log_writer_start() lines pass through a bounded
 * queue to a thread of their own, and what does not fit is counted and said later. Without it, in
 * tests and tools, lines are written at once. Thread: start and stop the main thread, before the
 * others start and after they end; put any. */
#pragma once

#include <stddef.h>

enum { LOG_LINE_MAX = 1024, LOG_QUEUE_MAX = 4096 };

void log_writer_start(void);
/** Writes what is queued, for two seconds at most, then writes directly again. */
void log_writer_stop(void);
/** @p n octets, newline included, at most LOG_LINE_MAX. */
void log_writer_put(const char *text, size_t n);
