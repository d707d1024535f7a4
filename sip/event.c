#include "sip/event.h"

#include <stdio.h>

const char event_names[] = "presence";

bool event_fits(const sip_t *sip)
{
    return sip->sip_event && sip->sip_event->o_type &&
           g_ascii_strcasecmp(sip->sip_event->o_type, event_names) == 0;
}

int event_refuse(struct stack *s, nta_incoming_t *irq)
{
    (void)nta_incoming_treply(irq, SIP_489_BAD_EVENT, SIPTAG_ALLOW_EVENTS_STR(event_names),
                              SIPTAG_SERVER_STR(s->server), TAG_END());
    return 489;
}

int event_expires(struct stack *s, nta_incoming_t *irq, const sip_t *sip, uint32_t *out)
{
    unsigned long wanted = sip->sip_expires ? sip->sip_expires->ex_delta : EVENT_EXPIRES_MAX_S;
    char min[16];

    *out = (uint32_t)MIN(wanted, EVENT_EXPIRES_MAX_S);
    if (wanted == 0 || wanted >= s->watch_min_s) /* 0 fetches, or ends it */
        return 0;
    (void)snprintf(min, sizeof(min), "%u", s->watch_min_s);
    (void)nta_incoming_treply(irq, SIP_423_INTERVAL_TOO_BRIEF, SIPTAG_MIN_EXPIRES_STR(min),
                              SIPTAG_SERVER_STR(s->server), TAG_END());
    return 423;
}
