#include "sip/dialog.h"

#include <glib.h>

void unit_sip_modify(void);

/* RFC 3261 14.1, in units of 10 ms: 2.1-4 s for the owner of the Call-ID, 0-2 s for the other. The
 * 0 is left out: sofia aborts on a timer of no length. */
static void every_pause_after_glare_is_a_timer(void)
{
    unsigned least[2] = {UINT_MAX, UINT_MAX};
    unsigned most[2] = {0};

    for (uint32_t random = 0; random < 1000000; random++)
        for (unsigned owner = 0; owner < 2; owner++) {
            unsigned ms = modify_glare_ms(owner, random);

            least[owner] = MIN(least[owner], ms);
            most[owner] = MAX(most[owner], ms);
        }
    g_assert_cmpuint(least[true], ==, 2100);
    g_assert_cmpuint(most[true], ==, 4000);
    g_assert_cmpuint(least[false], ==, 10);
    g_assert_cmpuint(most[false], ==, 2000);
}

void unit_sip_modify(void)
{
    g_test_add_func("/sip/modify/every-pause-after-glare-is-a-timer",
                    every_pause_after_glare_is_a_timer);
}
