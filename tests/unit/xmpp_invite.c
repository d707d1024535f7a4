/* Proposals (XEP-0353): who says what when, and what must be heard by when. */
#include "tests/fakes/xmpp_world.h"

void unit_xmpp_invite(void);

static void a_call_by_ana(void)
{
    struct fake_leg *l;

    world_up();
    l = ana_talks();
    SAID(l, "");
    ana("session-terminate", "<reason><success/></reason>");
    result();
    SAID(l, "hangup normal");
    world_down();
}

static void a_call_to_ana(void)
{
    struct fake_leg *l;

    world_up();
    l = alice_talks();
    fake_leg_end(l, END_NORMAL);
    says_jingle("session-terminate", PHONE, "*<success/>*");
    says_message("finish", PHONE, sid());
    quiet();
    world_down();
}

void unit_xmpp_invite(void)
{
    g_test_add_func("/xmpp/invite/a-call-by-ana", a_call_by_ana);
    g_test_add_func("/xmpp/invite/a-call-to-ana", a_call_to_ana);
}
