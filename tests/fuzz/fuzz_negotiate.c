/* room: media */
#include "media/desc_sdp.h"
#include "media/negotiate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim, const char *what)
{
    if (!claim) {
        (void)fprintf(stderr, "not so: %s\n", what);
        abort();
    }
}

/* Leg A offers, leg B answers whatever it likes: A hears of nothing it did not offer, and saying
 * the same again changes nothing. */
static void cross(const struct desc *a, const struct desc *b, const struct desc_profile *profile)
{
    struct stream_map map;
    struct desc *offer = negotiate_offer(a, profile, &map);
    struct desc *answer;
    struct desc *again = NULL;
    struct media_plan plan;

    if (negotiate_answer(a, b, &map, &answer) == GW_OK) {
        must(answer->nstreams == a->nstreams, "an answer for each stream");
        for (unsigned i = 0; i < a->nstreams; i++)
            for (unsigned k = 0; k < answer->stream[i].ncodecs; k++)
                must(desc_codec_by_pt(&a->stream[i], answer->stream[i].codec[k].pt) != NULL,
                     "a payload type that was offered");
        negotiate_plan(answer, a, offer, b, &map, &plan);
        must(plan.na_to_b * 2 == plan.nways, "as many ways back as there");
        negotiate_plan_echo(answer, a, &plan);
        must(negotiate_refresh(a, a, answer, &again) == GW_OK, "the same again stays here");
        desc_free(again);
    }
    desc_free(answer);
    desc_free(offer);
}

/* Two descriptions with a line "=" between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *cut = size ? memmem(text, size, "\n=\n", 3) : NULL;
    size_t n = cut ? (size_t)(cut - text) : size;
    struct desc *a;
    struct desc *b = NULL;

    if (desc_sdp_read((struct span){text, n}, &a, NULL) != GW_OK)
        return 0;
    if (!cut || desc_sdp_read((struct span){cut + 3, size - n - 3}, &b, NULL) != GW_OK)
        b = desc_copy(a);
    cross(a, b, &desc_profile_plain);
    cross(a, b, &desc_profile_webrtc);
    cross(b, a, &desc_profile_webrtc);
    desc_free(a);
    desc_free(b);
    return 0;
}
