/** Compiler attributes, each behind one macro (the only place that names them). */
#pragma once

#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_CLEANUP(fn) __attribute__((cleanup(fn)))
/** The variable exists for its cleanup. */
#define ATTR_UNUSED __attribute__((unused))
