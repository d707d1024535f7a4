/** Certificates for the edge's tests, made once a process in a temporary folder. */
#pragma once

enum cert_file {
    CERT_CA,    /* the root, for clients to trust */
    CERT_CHAIN, /* example.test + www: leaf and intermediate, in one file */
    CERT_KEY,
    CERT_OTHER, /* other.test, signed by the root; same CA */
    CERT_OTHER_KEY,
    CERT_CLIENT, /* a client's */
    CERT_CLIENT_KEY,
    CERT_URI, /* only "URI:sip:trunk.test" */
    CERT_URI_KEY,
    CERT_STRANGER, /* signed by nobody we know; CN and DNS example.test */
    CERT_STRANGER_KEY,
    CERT_FILES
};

/** Path of the file. */
const char *cert_path(enum cert_file which);
