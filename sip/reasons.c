#include "sip/reasons.h"

#include <glib.h>

#include <stdlib.h>

struct reason_row {
    unsigned status;
    const char *phrase;
};

// clang-format off
static const struct reason_row rows[END_CAUSES] = {
    [END_NONE]               = {480, "Temporarily Unavailable"},
    [END_NORMAL]             = {480, "Temporarily Unavailable"},
    [END_BUSY]               = {486, "Busy Here"},
    [END_DECLINED]           = {603, "Decline"},
    [END_NO_ANSWER]          = {480, "No Answer"},
    [END_CANCELLED]          = {487, "Request Terminated"},
    [END_ANSWERED_ELSEWHERE] = {487, "Request Terminated"},
    [END_NOT_FOUND]          = {404, "Not Found"},
    [END_OFFLINE]            = {480, "Not Registered"},
    [END_FORBIDDEN]          = {403, "Forbidden"},
    [END_AUTH]               = {403, "Wrong Credentials"},
    [END_NO_CODEC]           = {488, "Not Acceptable Here"},
    [END_LIMIT]              = {503, "Too Many Calls"},
    [END_MEDIA_FAILED]       = {500, "Media Failed"},
    [END_MEDIA_TIMEOUT]      = {500, "Media Timeout"},
    [END_UNREACHABLE]        = {408, "Request Timeout"},
    [END_REDIRECTED]         = {480, "Redirected"},
    [END_PROTOCOL]           = {500, "Protocol Error"},
    [END_UNSUPPORTED]        = {501, "Not Implemented"},
    [END_SHUTDOWN]           = {503, "Service Unavailable"},
    [END_ADMIN]              = {480, "Ended By Operator"},
    [END_INTERNAL]           = {500, "Internal Error"},
};

static const struct { unsigned status; enum end_cause cause; } causes[] = {
    {400, END_PROTOCOL},  {401, END_AUTH},        {402, END_FORBIDDEN},   {403, END_FORBIDDEN},
    {404, END_NOT_FOUND}, {405, END_UNSUPPORTED}, {406, END_NO_CODEC},    {407, END_AUTH},
    {408, END_UNREACHABLE},                       {410, END_NOT_FOUND},   {413, END_PROTOCOL},
    {414, END_PROTOCOL},  {415, END_NO_CODEC},    {416, END_UNSUPPORTED}, {420, END_UNSUPPORTED},
    {421, END_UNSUPPORTED},                       {430, END_UNREACHABLE}, {433, END_FORBIDDEN},
    {436, END_PROTOCOL},  {480, END_OFFLINE},     {481, END_PROTOCOL},    {482, END_PROTOCOL},
    {483, END_PROTOCOL},  {484, END_NOT_FOUND},   {485, END_NOT_FOUND},   {486, END_BUSY},
    {487, END_CANCELLED}, {488, END_NO_CODEC},    {489, END_UNSUPPORTED}, {491, END_PROTOCOL},
    {493, END_PROTOCOL},  {500, END_INTERNAL},    {501, END_UNSUPPORTED}, {502, END_UNREACHABLE},
    {503, END_LIMIT},     {504, END_UNREACHABLE}, {505, END_UNSUPPORTED}, {513, END_PROTOCOL},
    {600, END_BUSY},      {603, END_DECLINED},    {604, END_NOT_FOUND},   {606, END_NO_CODEC},
    {607, END_DECLINED},  {608, END_DECLINED},
};

static const struct { unsigned q850; enum end_cause cause; } q850s[] = {
    {1, END_NOT_FOUND},   {2, END_NOT_FOUND},  {3, END_NOT_FOUND},   {16, END_NORMAL},
    {17, END_BUSY},       {18, END_NO_ANSWER}, {19, END_NO_ANSWER},  {20, END_OFFLINE},
    {21, END_DECLINED},   {22, END_NOT_FOUND}, {26, END_ANSWERED_ELSEWHERE},
    {27, END_UNREACHABLE}, {28, END_NOT_FOUND}, {34, END_LIMIT},     {38, END_UNREACHABLE},
    {42, END_LIMIT},      {55, END_FORBIDDEN}, {57, END_FORBIDDEN},  {79, END_UNSUPPORTED},
    {88, END_NO_CODEC},   {102, END_NO_ANSWER}, {111, END_PROTOCOL}, {127, END_INTERNAL},
};
// clang-format on

unsigned reason_status(enum end_cause cause, const char **phrase)
{
    const struct reason_row *row = &rows[cause < END_CAUSES ? cause : END_INTERNAL];

    *phrase = row->phrase;
    return row->status;
}

/* RFC 3261 8.1.3.2: an unknown code is treated as the x00 of its class. */
enum end_cause reason_cause(unsigned status)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(causes); i++)
        if (causes[i].status == status)
            return causes[i].cause;
    if (status < 400)
        return END_REDIRECTED;
    if (status < 500)
        return END_PROTOCOL;
    return status < 600 ? END_INTERNAL : END_BUSY;
}

void reason_header(const struct end_reason *why, char *out, size_t size)
{
    if (why->cause == END_ANSWERED_ELSEWHERE) /* RFC 3326 3.1: phones then log no missed call */
        (void)g_strlcpy(out, "SIP;cause=200;text=\"Call completed elsewhere\"", size);
    else
        (void)g_snprintf(out, (gulong)size, "Q.850;cause=%u;text=\"%s\"", end_q850(why->cause),
                         end_word(why->cause));
}

enum end_cause reason_read(const char *protocol, const char *cause)
{
    unsigned long n;

    if (!protocol || !cause)
        return END_NONE;
    n = strtoul(cause, NULL, 10);
    if (g_ascii_strcasecmp(protocol, "SIP") == 0) {
        if (n == 200)
            return END_ANSWERED_ELSEWHERE;
        return n >= 300 && n < 700 ? reason_cause((unsigned)n) : END_NONE;
    }
    if (g_ascii_strcasecmp(protocol, "Q.850") == 0)
        for (unsigned i = 0; i < G_N_ELEMENTS(q850s); i++)
            if (q850s[i].q850 == n)
                return q850s[i].cause;
    return END_NONE;
}
