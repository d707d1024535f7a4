/** A scripted adapter: endpoints by address, legs that write down what they are asked. */
#pragma once

#include "gateway/message.h"
#include "gateway/presence.h"

#include <glib.h>

struct fake_leg {
    struct leg leg; /* first */
    GString
        *said; /* "progress ringing; answer; offer; respond; refuse; glare; dtmf 5; hangup busy" */
    struct desc *last; /* the last description it was given */
    bool hung_up;
};

struct fake_adapter; /* a struct adapter */

struct adapter *fake_adapter_new(void);
/** @p n endpoints for this address, each trying @p profiles in turn (NULL: webrtc). */
void fake_adapter_address(struct adapter *ad, const char *address, unsigned n,
                          const struct desc_profile *profile, unsigned nprofiles);
/** dial() fails with @p err from now on. */
void fake_adapter_refuse(struct adapter *ad, enum gw_err err);
/** Legs dialled since the adapter was made, in order. They outlive their call as the adapter's. */
struct fake_leg *fake_adapter_leg(struct adapter *ad, unsigned i);
unsigned fake_adapter_legs(struct adapter *ad);
/** A leg that places a call. */
struct fake_leg *fake_leg_new(struct adapter *ad);
/** Report LEG_GONE for every leg that has been told to hang up; returns how many there were. */
unsigned fake_adapter_settle(struct adapter *ad);
void fake_leg_report(struct fake_leg *l, enum leg_event_type type, struct desc *desc);
void fake_leg_end(struct fake_leg *l, enum end_cause cause);
/** What it was given and told, in order: "1 from alice@example.org (Alice) to bob@example.org: hi"
 * is a copy for endpoint 1, "done 7 offline" an answer, "5 is dnd (in a meeting)" what watch 5 was
 * told, "asks c@far for a@near" and "asks no more ..." what elsewhere() made it do. Borrowed. */
const char *fake_adapter_post(struct adapter *ad);
/** The delivery of the copy it was given as number @p i. */
uint64_t fake_adapter_delivery(struct adapter *ad, unsigned i);
/** message() fails with @p err from now on. */
void fake_adapter_refuse_messages(struct adapter *ad, enum gw_err err);
/** It answers watches of addresses that end in this; NULL: of none. */
void fake_adapter_elsewhere(struct adapter *ad, const char *suffix);
