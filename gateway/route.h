/** A dialled address -> who is rung, in which order (DESIGN 4). Pure: reads the config and asks
 * which accounts exist. Any thread. */
#pragma once

#include "gateway/config.h"
#include "gateway/reason.h"

enum { ROUTE_TARGETS_MAX = 32 };

#define ROUTE_ECHO "echo"

struct route_plan {
    enum end_cause refused; /* END_NONE: go ahead */
    const char *name;       /* of the route, "" when none matched; borrowed from the config */
    bool serial;            /* one target after the other, not all at once */
    unsigned ring_s;
    unsigned ntargets;
    char target[ROUTE_TARGETS_MAX][192]; /* "user@domain", lower case */
};

/** @p caller: authenticated address, NULL for strangers; @p dialled as typed. */
void route_resolve(const struct config *config, const char *caller, const char *dialled,
                   struct route_plan *out);
