#include "gateway/leg.h"

#include "base/log.h"
#include "gateway/call.h"

void leg_report(struct leg *leg, const struct leg_event *ev)
{
    LOG_CALL(leg->call_id);
    call_leg_event(leg->call, leg, ev);
}
