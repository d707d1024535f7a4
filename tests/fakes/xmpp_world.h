/** The XMPP side on a gateway (tests/fakes/bench.h), with a fake stream to a server. Tandem is the
 * component sip.example.org; people of jabber.example may call and be called; dora@chat.example is
 * the account dora, who has no phone. One world at a time.
 *  A test says what comes in and then takes what went out, in order, until it is quiet(). */
#pragma once

#include "base/attr.h"
#include "tests/fakes/bench.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/media.h"
#include "tests/fakes/xmpp_conn.h"

#define COMPONENT "sip.example.org"
#define ANA "ana@jabber.example" /* allowed by her domain */
#define PHONE ANA "/phone"
#define DESK ANA "/desk"
#define DORA "dora@chat.example"       /* of the account dora@example.org */
#define MALLORY "mallory@evil.example" /* a stranger */
#define BOB "bob@" COMPONENT           /* one device, a fake leg */
#define OURS BOB "/tandem"
#define ALICE "alice@" COMPONENT
#define DORA_PASSWORD "open sesame " /* blanks count in passwords */

struct world {
    struct bench b;
    struct adapter *xmpp;
};

extern struct world world;

/** With the stream up. */
void world_up(void);
/** Every test ends with no call, no media leg, no word unheard and no timer left. */
void world_down(void);
/** Stop Tandem and start it again on the same store, the stream not yet up. */
void world_restart(void);
/** Time goes on; legs that have been told to hang up are gone after it. */
void wait_us(uint64_t us);
#define wait_s(s) wait_us((s)*US_PER_S)
/** What is due at once. */
void turn(void);
/** An operator ends every call there is. */
void end_all(void);
/** How many there are. */
unsigned calls(void);

/* ---- what comes in ---- */

void hears(const char *fmt, ...) ATTR_PRINTF(1, 2);
/** Jingle messages (XEP-0353): <@p verb id='@p sid'>@p inner</...> of type chat. */
void message(const char *from, const char *to, const char *verb, const char *sid,
             const char *inner);
#define VOICE "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/>"
#define VIDEO "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/>"
/** A Jingle IQ; its id is "j" and a number, the latest of which result() and refused() mean. */
void jingle(const char *from, const char *to, const char *action, const char *sid,
            const char *inner);
/** The same about session s1 between Ana's phone and the one we said we are in it. */
void ana(const char *action, const char *inner);
/** An answer to the IQ of ours that was taken last. */
void they_answer(const char *from, bool ok);
void they_refuse(const char *from, const char *condition, const char *extra);

/* ---- what went out ---- */

/** The next stanza; it must match @p pattern ('*' stands for anything). */
void says(const char *pattern);
/** Nothing more was sent. */
void quiet(void);
/** Whatever was sent is of no interest. */
void hush(void);
/** The next one is the empty result of the latest jingle(), from the JID it was sent to. */
void result(void);
/** ... or this error to it; @p extra: the application's condition, "" none. */
void refused(const char *condition, const char *extra);
/** The next one is a Jingle message of ours about @p sid: "ringing" ... */
void says_message(const char *verb, const char *to, const char *sid);
/** The next one is a Jingle IQ of ours to @p to about the session of the moment; @p inner a
 * pattern. */
void says_jingle(const char *action, const char *to, const char *inner);
/** What says() took last. Borrowed until the next. */
const char *said(void);
/** Value of the first attribute @p name in what says() took last, from its first @p after on;
 * g_free.
 */
char *said_attr(const char *after, const char *name);

/* ---- stories ---- */

#define FINGERPRINT                                                                                \
    "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>"              \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"   \
    "EE:FF</fingerprint>"
#define CANDIDATE                                                                                  \
    "<candidate component='1' foundation='1' generation='0' id='c1' ip='198.51.100.7' "            \
    "network='0' port='50000' priority='2130706431' protocol='udp' type='host'/>"
#define TRANSPORT(ufrag, inner)                                                                    \
    "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='" ufrag                        \
    "' pwd='theirpasswordtheirpassword'>" inner "</transport>"
#define CONTENT(name, attrs, inner)                                                                \
    "<content creator='initiator' name='" name "'" attrs ">" inner "</content>"
#define RTP(media, payloads)                                                                       \
    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='" media "'>" payloads                  \
    "<rtcp-mux/></description>"
#define OPUS "<payload-type id='111' name='opus' clockrate='48000' channels='2'/>"
#define PCMU "<payload-type id='0' name='PCMU' clockrate='8000'/>"
#define VP8 "<payload-type id='96' name='VP8' clockrate='90000'/>"
#define AUDIO(name, ufrag)                                                                         \
    CONTENT(name, "", RTP("audio", OPUS PCMU) TRANSPORT(ufrag, FINGERPRINT CANDIDATE))
#define CAMERA(name, ufrag)                                                                        \
    CONTENT(name, "", RTP("video", VP8) TRANSPORT(ufrag, FINGERPRINT CANDIDATE))

/** The far leg of the call number @p n to bob. */
struct fake_leg *bob(unsigned n);
/** Ana's phone proposes s1 to bob; the far side rings. */
struct fake_leg *ana_proposes(void);
/** ... and bob answers: we have told her to proceed. */
struct fake_leg *ana_proceeds(void);
/** ... and her session-initiate has been accepted, with her answer to that. */
struct fake_leg *ana_talks(void);
/** Ana's phone begins s1 without a proposal. */
struct fake_leg *ana_initiates(void);
/** Alice's fake leg calls ana; sid is s1 from then on. Ours is ALICE/tandem. */
struct fake_leg *alice_proposes(void);
/** ... ana's phone has proceeded and has our session-initiate. */
struct fake_leg *alice_initiates(void);
/** ... and has accepted. */
struct fake_leg *alice_talks(void);
/** The sid of alice's call, and our JID in the session of the moment. */
const char *sid(void);
const char *ours(void);
