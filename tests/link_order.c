/* libnice and sofia both export stun_message_length(). In a binary linked as the daemon is, libnice
 * must get its own: with sofia's, every ICE check would be empty (STYLE, first fact). */
#include <glib.h>
#include <sofia-sip/su.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include <stdio.h>

enum { STUN_HEADER = 20, STUN_TLV = 4, STUN_INTEGRITY = 20, STUN_FINGERPRINT = 4 };

int main(void)
{
    static const guint16 known[] = {0};
    static uint8_t name[] = "theirs:ours";
    static uint8_t password[] = "0123456789abcdef012345";
    static const size_t least = STUN_HEADER + STUN_TLV + sizeof(name) - 1 + STUN_TLV +
                                STUN_INTEGRITY + STUN_TLV + STUN_FINGERPRINT;
    uint8_t buffer[STUN_MAX_MESSAGE_SIZE];
    StunAgent agent;
    StunMessage check;
    size_t n;

    if (su_init() != 0) /* sofia must really be linked */
        return 1;
    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    n = stun_usage_ice_conncheck_create(&agent, &check, buffer, sizeof(buffer), name,
                                        sizeof(name) - 1, password, sizeof(password) - 1, true,
                                        true, 1, 2, "1", STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    su_deinit();
    printf("an ICE check has %zu bytes, %zu at least\n", n, least);
    return n >= least ? 0 : 1;
}
