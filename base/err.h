/** Why a function failed. Why a *call* ended is gateway/reason.h. Any thread. */
#pragma once

#define GW_ERR_LIST(X)                                                                             \
    X(GW_OK, "ok")                                                                                 \
    X(GW_EINVAL, "bad argument")                                                                   \
    X(GW_EPARSE, "malformed input")                                                                \
    X(GW_ETOOBIG, "larger than allowed")                                                           \
    X(GW_EPEER, "the peer broke the protocol")                                                     \
    X(GW_ESTATE, "not possible in this state")                                                     \
    X(GW_ENOTFOUND, "not found")                                                                   \
    X(GW_EAUTH, "wrong or missing credentials")                                                    \
    X(GW_EFORBIDDEN, "not allowed")                                                                \
    X(GW_EFULL, "a limit is reached")                                                              \
    X(GW_ENOCODEC, "no codec in common")                                                           \
    X(GW_EUNSUPPORTED, "not supported")                                                            \
    X(GW_ETIMEOUT, "timed out")                                                                    \
    X(GW_EIO, "input or output failed")                                                            \
    X(GW_ECRYPTO, "cryptographic failure")                                                         \
    X(GW_EREPLAY, "replayed packet")                                                               \
    X(GW_ECONFIG, "bad configuration")

enum gw_err {
#define X(name, text) name,
    GW_ERR_LIST(X)
#undef X
};

/** The code's name ("GW_EPEER"); never NULL. */
const char *gw_err_name(enum gw_err err);
/** A few lower-case words for people; never NULL. */
const char *gw_err_text(enum gw_err err);
