#include "sip/registrar.h"

#include "base/clock.h"
#include "base/ids.h"

#include <glib.h>

struct registrar {
    struct registrar_limits limits;
    GHashTable *by_address; /* address -> GPtrArray of struct binding, oldest refresh first */
    GHashTable *by_id;      /* borrowed */
    void (*changed)(void *arg, const struct binding *b, bool gone);
    void *arg;
};

static void binding_free(void *p)
{
    struct binding *b = p;

    g_free(b->address);
    g_free(b->contact);
    g_free(b->instance);
    g_free(b->call_id);
    g_free(b);
}

static void bindings_free(void *p)
{
    (void)g_ptr_array_free(p, TRUE);
}

struct registrar *registrar_new(const struct registrar_limits *limits,
                                void (*changed)(void *arg, const struct binding *b, bool gone),
                                void *arg)
{
    struct registrar *r = g_new0(struct registrar, 1);

    r->limits = *limits;
    r->changed = changed;
    r->arg = arg;
    r->by_address = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bindings_free);
    r->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    return r;
}

void registrar_free(struct registrar *r)
{
    if (!r)
        return;
    g_hash_table_destroy(r->by_id);
    g_hash_table_destroy(r->by_address);
    g_free(r);
}

static GPtrArray *bindings_of(const struct registrar *r, const char *address)
{
    return g_hash_table_lookup(r->by_address, address);
}

static void binding_remove(struct registrar *r, struct binding *b)
{
    GPtrArray *all = bindings_of(r, b->address);

    r->changed(r->arg, b, true);
    (void)g_hash_table_remove(r->by_id, &b->id);
    if (all->len == 1) {
        char *address = g_strdup(b->address);
        (void)g_hash_table_remove(r->by_address, address);
        g_free(address);
    } else {
        (void)g_ptr_array_remove(all, b);
    }
}

static struct binding *binding_match(const GPtrArray *all, const struct contact_update *c)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        struct binding *b = g_ptr_array_index(all, i);
        /* RFC 5626 6: the instance is the phone, whatever address it has now */
        bool same = c->instance && b->instance ? g_str_equal(c->instance, b->instance)
                                               : g_str_equal(c->contact, b->contact);
        if (same)
            return b;
    }
    return NULL;
}

/* RFC 3261 10.3 step 7: within one Call-ID only a higher CSeq may change a binding. */
static bool out_of_order(const struct binding *b, const struct registration *reg)
{
    return g_str_equal(b->call_id, reg->call_id) && reg->cseq <= b->cseq;
}

static uint32_t expires_wanted(const struct registrar *r, const struct registration *reg,
                               const struct contact_update *c)
{
    uint32_t s = r->limits.default_s;

    if (c->has_expires)
        s = c->expires_s;
    else if (reg->has_expires)
        s = reg->expires_s;
    return MIN(s, r->limits.max_s);
}

static unsigned registration_check(const struct registrar *r, const struct registration *reg)
{
    const GPtrArray *all = bindings_of(r, reg->address);

    if (reg->star) {
        if (reg->ncontacts || !reg->has_expires || reg->expires_s)
            return 400;
        for (unsigned i = 0; all && i < all->len; i++)
            if (out_of_order(g_ptr_array_index(all, i), reg))
                return 500;
        return 200;
    }
    for (unsigned i = 0; i < reg->ncontacts; i++) {
        const struct binding *b = binding_match(all, &reg->contact[i]);
        uint32_t s = expires_wanted(r, reg, &reg->contact[i]);

        if (s && s < r->limits.min_s)
            return 423;
        if (b && out_of_order(b, reg))
            return 500;
    }
    return 200;
}

static void text_set(char **slot, const char *text)
{
    if (g_strcmp0(*slot, text) == 0)
        return;
    g_free(*slot);
    *slot = g_strdup(text);
}

static struct binding *binding_new(struct registrar *r, const char *address)
{
    struct binding *b = g_new0(struct binding, 1);
    GPtrArray *all = bindings_of(r, address);

    b->id = id_next();
    b->address = g_strdup(address);
    if (!all) {
        all = g_ptr_array_new_with_free_func(binding_free);
        (void)g_hash_table_insert(r->by_address, g_strdup(address), all);
    } else if (all->len >= REGISTRAR_CONTACTS_MAX) {
        /* a phone that changes its address at each start must not lock itself out */
        binding_remove(r, g_ptr_array_index(all, 0));
    }
    g_ptr_array_add(all, b);
    (void)g_hash_table_insert(r->by_id, &b->id, b);
    return b;
}

static void binding_refresh(struct registrar *r, struct binding *b, const struct registration *reg,
                            const struct contact_update *c, uint64_t expires_us)
{
    GPtrArray *all = bindings_of(r, b->address);
    unsigned at;

    if (!g_str_equal(b->contact ? b->contact : c->contact, c->contact))
        r->changed(r->arg, b, true); /* its row may have another key now */
    text_set(&b->contact, c->contact);
    text_set(&b->instance, c->instance);
    text_set(&b->call_id, reg->call_id);
    b->cseq = reg->cseq;
    b->expires_us = expires_us;
    b->flow = reg->flow;
    b->ws = reg->ws;
    b->peer = reg->peer;
    b->local = reg->local;
    if (g_ptr_array_find(all, b, &at)) { /* keep the order of refreshes */
        memmove(&all->pdata[at], &all->pdata[at + 1], (all->len - at - 1) * sizeof(all->pdata[0]));
        all->pdata[all->len - 1] = b;
    }
    r->changed(r->arg, b, false);
}

unsigned registrar_apply(struct registrar *r, const struct registration *reg, uint64_t now_us)
{
    unsigned status = registration_check(r, reg);

    if (status != 200)
        return status;
    if (reg->star)
        registrar_drop_address(r, reg->address);
    for (unsigned i = 0; i < reg->ncontacts; i++) {
        const struct contact_update *c = &reg->contact[i];
        struct binding *b = binding_match(bindings_of(r, reg->address), c);
        uint32_t s = expires_wanted(r, reg, c);

        if (s) {
            b = b ? b : binding_new(r, reg->address);
            b->heard_us = now_us;
            binding_refresh(r, b, reg, c, now_us + s * US_PER_S);
        } else if (b) {
            binding_remove(r, b);
        }
    }
    return 200;
}

void registrar_each(const struct registrar *r, const char *address,
                    void (*fn)(void *arg, const struct binding *b), void *arg)
{
    const GPtrArray *all = bindings_of(r, address);

    for (unsigned i = 0; all && i < all->len; i++)
        fn(arg, g_ptr_array_index(all, i));
}

const struct binding *registrar_find(const struct registrar *r, uint64_t id)
{
    return g_hash_table_lookup(r->by_id, &id);
}

const struct binding *registrar_find_phone(const struct registrar *r, const char *address,
                                           const struct contact_update *phone)
{
    return binding_match(bindings_of(r, address), phone);
}

const struct binding *registrar_find_flow(const struct registrar *r, const char *address,
                                          uint64_t flow)
{
    const GPtrArray *all = bindings_of(r, address);
    const struct binding *found = NULL;

    for (unsigned i = 0; all && i < all->len; i++) {
        const struct binding *b = g_ptr_array_index(all, i);
        if (b->flow != flow)
            continue;
        if (found)
            return NULL;
        found = b;
    }
    return found;
}

const struct binding *registrar_find_only(const struct registrar *r, const char *address)
{
    const GPtrArray *all = bindings_of(r, address);

    return all && all->len == 1 ? g_ptr_array_index(all, 0) : NULL;
}

void registrar_drop(struct registrar *r, uint64_t id)
{
    struct binding *b = g_hash_table_lookup(r->by_id, &id);

    if (b)
        binding_remove(r, b);
}

/* Remove whatever @p doomed picks. */
static void registrar_sweep(struct registrar *r,
                            bool (*doomed)(const struct binding *, const void *), const void *arg)
{
    GHashTableIter it;
    void *value;
    GPtrArray *out = g_ptr_array_new();

    g_hash_table_iter_init(&it, r->by_id);
    while (g_hash_table_iter_next(&it, NULL, &value))
        if (doomed(value, arg))
            g_ptr_array_add(out, value);
    for (unsigned i = 0; i < out->len; i++)
        binding_remove(r, g_ptr_array_index(out, i));
    (void)g_ptr_array_free(out, TRUE);
}

static bool has_address(const struct binding *b, const void *address)
{
    return g_str_equal(b->address, address);
}

static bool has_flow(const struct binding *b, const void *flow)
{
    return b->flow == *(const uint64_t *)flow;
}

static bool has_expired(const struct binding *b, const void *now_us)
{
    return b->expires_us <= *(const uint64_t *)now_us;
}

void registrar_drop_address(struct registrar *r, const char *address)
{
    registrar_sweep(r, has_address, address);
}

void registrar_drop_flow(struct registrar *r, uint64_t flow)
{
    registrar_sweep(r, has_flow, &flow);
}

void registrar_expire(struct registrar *r, uint64_t now_us)
{
    registrar_sweep(r, has_expired, &now_us);
}

/* ---- rows ---- */

char *binding_key(const struct binding *b)
{
    return g_strdup_printf("%s %s", b->address, b->contact);
}

char *binding_row(const struct binding *b, uint64_t now_us, uint64_t unix_now_s)
{
    char peer[NET_ADDR_TEXT];
    char local[NET_ADDR_TEXT];
    uint64_t left_s = b->expires_us > now_us ? (b->expires_us - now_us) / US_PER_S : 0;

    return g_strdup_printf("1\t%" G_GUINT64_FORMAT "\t%s\t%s\t%s\t%u\t%s\t%s", unix_now_s + left_s,
                           b->flow ? "-" : net_addr_text(&b->peer, peer),
                           b->flow ? "-" : net_addr_text(&b->local, local), b->call_id, b->cseq,
                           b->instance ? b->instance : "", b->contact);
}

static bool row_addr(const char *text, struct net_addr *out)
{
    return net_addr_parse(span_of(text), out);
}

bool registrar_restore(struct registrar *r, const char *key, const char *row, uint64_t now_us,
                       uint64_t unix_now_s)
{
    char **field = g_strsplit(row, "\t", 8);
    const char *space = strchr(key, ' ');
    struct registration reg = {0};
    uint64_t expires_s;
    uint64_t cseq;
    bool ok = space && g_strv_length(field) == 8 && g_str_equal(field[0], "1") &&
              span_u64(span_of(field[1]), UINT32_MAX, &expires_s) && expires_s > unix_now_s &&
              row_addr(field[2], &reg.peer) && row_addr(field[3], &reg.local) &&
              span_u64(span_of(field[5]), UINT32_MAX, &cseq);

    if (ok) {
        char *address = g_strndup(key, (gsize)(space - key));
        struct contact_update c = {.contact = field[7], .instance = field[6][0] ? field[6] : NULL};
        uint64_t left_s = MIN(expires_s - unix_now_s, r->limits.max_s);

        reg.address = address;
        reg.call_id = field[4];
        reg.cseq = (uint32_t)cseq;
        binding_refresh(r, binding_new(r, address), &reg, &c, now_us + left_s * US_PER_S);
        g_free(address);
    }
    g_strfreev(field);
    return ok;
}
