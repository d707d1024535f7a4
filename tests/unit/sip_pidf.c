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

static void expect_read(const char *xml, enum presence_show show, const char *note)
{
    struct presence p;

    g_assert_true(pidf_read(span_of(xml), &p));
    g_assert_cmpint(p.show, ==, show);
    g_assert_cmpstr(p.note, ==, note);
}

#define PERSON(what)                                                                               \
    "<presence><tuple><status><basic>open</basic></status></tuple><dm:person><rpid:activities>"    \
    "<rpid:" what "/></rpid:activities><dm:note> x </dm:note></dm:person></presence>"

static void what_phones_write_is_read(void)
{
    expect_read("<presence><tuple><status><basic>open</basic></status><note>a &amp; b</note>"
                "<note>c</note></tuple></presence>",
                PRESENCE_AVAILABLE, "a & b");
    expect_read("<p:presence xmlns:p=\"urn:ietf:params:xml:ns:pidf\"><p:tuple><p:status><p:basic>\n"
                " closed </p:basic></p:status></p:tuple></p:presence>",
                PRESENCE_OFFLINE, "");
    expect_read("<presence><tuple><status><basic>closed</basic></status></tuple><tuple><status>"
                "<basic>open</basic></status></tuple></presence>",
                PRESENCE_AVAILABLE, "");
    expect_read("<presence/>", PRESENCE_AVAILABLE, "");
    expect_read(PERSON("away"), PRESENCE_AWAY, "x");
    expect_read(PERSON("on-the-phone"), PRESENCE_BUSY, "x");
    expect_read(PERSON("looking-for-work"), PRESENCE_AVAILABLE, "x");
}

static void nonsense_is_not(void)
{
    static const char *const all[] = {"",
                                      "presence",
                                      "<presence>",
                                      "<presence></tuple>",
                                      "<tuple/>",
                                      "<presence>&undefined;</presence>",
                                      "<presence>\xc3</presence>"};
    struct presence p;

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        g_assert_false(pidf_read(span_of(all[i]), &p));
}

void unit_sip_pidf(void)
{
    g_test_add_func("/sip/pidf/what-phones-write-is-read", what_phones_write_is_read);
    g_test_add_func("/sip/pidf/nonsense-is-not", nonsense_is_not);
    g_test_add_func("/sip/pidf/there-or-not", there_or_not);
    g_test_add_func("/sip/pidf/away-and-busy-are-activities", away_and_busy_are_activities);
    g_test_add_func("/sip/pidf/every-note-makes-well-formed-xml", every_note_makes_well_formed_xml);
}
