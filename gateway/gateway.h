/** The switch: owns media, calls and adapters, and joins legs. Thread: call thread. Owner: main.c,
 * which stops it in the order of docs/architecture.md: drain -> adapters stop -> media -> store. */
#pragma once

#include "gateway/accounts.h"
#include "gateway/adapter.h"
#include "gateway/store.h"

struct gateway;

/** Starts the media workers. NULL on failure, which has been logged. @p accounts and @p store are
 * borrowed. */
struct gateway *gateway_new(const struct config *config, struct accounts *accounts,
                            struct store *store);
/** Refuse new calls, end the live ones properly (BYE, session-terminate, bye) with END_SHUTDOWN,
 * then call @p done once, at the latest after @p deadline_us, when all legs are gone or have been
 * given up. */
void gateway_drain(struct gateway *gw, uint64_t deadline_us, void (*done)(void *arg), void *arg);
/** Stops the adapters in reverse order, then media. */
void gateway_free(struct gateway *gw);

struct call_info { /* a snapshot of one live call */
    uint64_t id;
    char from[192], to[192];
    const char *state;           /* "dialling", "ringing", "talking", "ending" */
    const char *kind_a, *kind_b; /* "sip", "web", "echo"; kind_b "" before the answer */
    uint64_t age_us, talk_us;
};
void gateway_each_call(struct gateway *gw, void (*fn)(const struct call_info *info, void *arg),
                       void *arg);
/** GW_ENOTFOUND when there is no such call. */
enum gw_err gateway_hangup(struct gateway *gw, uint64_t call_id);

struct gateway_stats {
    uint64_t calls_total, calls_answered, calls_failed;
    unsigned calls_now;
    uint64_t started_us;
};
void gateway_stats(const struct gateway *gw, struct gateway_stats *out);
/** Adapters in the order they were added; for status and endpoints listings. */
unsigned gateway_endpoints(struct gateway *gw, const char *address, struct endpoint *out,
                           unsigned max);
