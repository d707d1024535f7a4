/** Who is there: devices publish, watchers are told. The state of an address is what was said last
 * on its behalf; where nobody has said anything, it is available while a device is there.
 *  Thread: call thread. Owner: the gateway keeps copies; publications and watches are known by the
 * adapter and an id of its own. */
#pragma once

#include "gateway/adapter.h"
#include "gateway/show.h"

struct publication {            /* all borrowed */
    const struct adapter *ad;   /* who publishes, */
    uint64_t id;                /* and for which binding, tab, resource of its own */
    const char *address;        /* "user@domain", lower case */
    const char *only_to;        /* the one watcher who may know; NULL: all may */
    const struct presence *say; /* NULL: it is there, and says nothing */
};

/** It counts from now on instead of what the same source said before. */
void gateway_publish(struct gateway *gw, const struct publication *pub);
/** It is gone, and counts no more. Unknown ones are ignored. */
void gateway_withdraw(struct gateway *gw, const struct adapter *ad, uint64_t id);

/** @p who (authenticated address, NULL: a stranger) wants to know of @p address (as typed).
 * END_NONE: @p ad's watched() is called with this @p ref soon, and then at each change, until
 * gateway_unwatch(). Else why not, and nothing was begun. */
enum end_cause gateway_watch(struct gateway *gw, struct adapter *ad, uint64_t ref, const char *who,
                             const char *address);
/** Unknown ones are ignored. */
void gateway_unwatch(struct gateway *gw, const struct adapter *ad, uint64_t ref);
