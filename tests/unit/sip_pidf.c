#include "sip/pidf.h"

#include <glib.h>

void unit_sip_pidf(void);

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\""
#define RPID                                                                                       \
    " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\""                                         \
    " xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\""

static void expect(enum presence_show show, const char *note, const char *document)
{
    struct presence p = {.show = show};
    g_autofree char *text = NULL;

    presence_set_note(&p, note);
    text = pidf_write("sip:bob@example.org", &p);
    g_assert_cmpstr(text, ==, document);
}

static void there_or_not(void)
{
    expect(PRESENCE_AVAILABLE, "",
           HEAD " entity=\"sip:bob@example.org\">\n<tuple id=\"tandem\"><status><basic>open</basic>"
                "</status></tuple>\n</presence>\n");
    expect(PRESENCE_OFFLINE, "",
           HEAD " entity=\"sip:bob@example.org\">\n<tuple id=\"tandem\"><status><basic>closed"
                "</basic></status></tuple>\n</presence>\n");
}

static void away_and_busy_are_activities(void)
{
    expect(PRESENCE_AWAY, "",
           HEAD RPID " entity=\"sip:bob@example.org\">\n<tuple id=\"tandem\"><status><basic>open"
                     "</basic></status></tuple>\n<dm:person id=\"person\"><rpid:activities>"
                     "<rpid:away/></rpid:activities></dm:person>\n</presence>\n");
    expect(PRESENCE_BUSY, "do <not> \"disturb\" & so on",
           HEAD RPID " entity=\"sip:bob@example.org\">\n<tuple id=\"tandem\"><status><basic>open"
                     "</basic></status><note>do &lt;not&gt; &quot;disturb&quot; &amp; so on</note>"
                     "</tuple>\n<dm:person id=\"person\"><rpid:activities><rpid:busy/>"
                     "</rpid:activities></dm:person>\n</presence>\n");
}

/* Whatever a note holds, the document stays XML: GLib's own parser is the judge. */
static void every_note_makes_well_formed_xml(void)
{
    static const char *const notes[] = {"]]>", "\x01\x7f\xff", "<!--", "&#0;", "\xc2\x80", "'\""};
    static const GMarkupParser nothing = {NULL, NULL, NULL, NULL, NULL};

    for (unsigned i = 0; i < G_N_ELEMENTS(notes); i++) {
        struct presence p = {.show = PRESENCE_AWAY};
        GMarkupParseContext *c = g_markup_parse_context_new(&nothing, 0, NULL, NULL);
        g_autofree char *text = NULL;

        presence_set_note(&p, notes[i]);
        text = pidf_write("sip:a%22&<@x", &p);
        g_assert_true(g_markup_parse_context_parse(c, text, -1, NULL));
        g_assert_true(g_markup_parse_context_end_parse(c, NULL));
        g_markup_parse_context_free(c);
    }
}

void unit_sip_pidf(void)
{
    g_test_add_func("/sip/pidf/there-or-not", there_or_not);
    g_test_add_func("/sip/pidf/away-and-busy-are-activities", away_and_busy_are_activities);
    g_test_add_func("/sip/pidf/every-note-makes-well-formed-xml", every_note_makes_well_formed_xml);
}
