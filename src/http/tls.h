/* TLS of our own, with OpenSSL: TLS 1.2 and 1.3, ALPN "http/1.1", no renegotiation, no compression.
 *
 * A context (certificate, key, settings) is immutable and shared by all loops; a reload makes a new
 * one, which the connections that come from then on use. A session belongs to its connection's
 * thread and does no I/O itself: bytes from the socket go in, bytes for the socket come out, so
 * that a test can drive it. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct http_tls_context;

/* PEM files: the certificate with its chain, and its key. Errors name the file and say how to mend
 * it: missing, not PEM, key and certificate do not belong together, expired (that is a warning in
 * the log, not an error). */
enum err http_tls_context_load(const char *certificate_path, const char *key_path,
                               struct http_tls_context **ret, struct error *error) MUST_USE;
struct http_tls_context *http_tls_context_retain(struct http_tls_context *c);
void http_tls_context_release(struct http_tls_context *c); /* NULL is fine */
/* When the certificate ends, Unix seconds. */
int64_t http_tls_context_expires_at(const struct http_tls_context *c);

struct http_tls; /* one connection's session */

struct http_tls *http_tls_new(struct http_tls_context *c); /* retains; NULL: no memory */
void http_tls_free(struct http_tls *t);                    /* NULL is fine */

enum http_tls_state {
    HTTP_TLS_HANDSHAKE,
    HTTP_TLS_OPEN,
    HTTP_TLS_ENDED,  /* the client sent close_notify */
    HTTP_TLS_FAILED, /* of no more use; what is left in `out` may hold an alert */
};

/* Takes bytes that came from the socket, all of them; what is to be sent (handshake, alerts) is
 * added to `out`. */
enum http_tls_state http_tls_receive(struct http_tls *t, struct str bytes, struct buf *out);
/* Plain bytes that have arrived, at most `size`; 0 when there are none for now. */
size_t http_tls_read(struct http_tls *t, char *to, size_t size);
bool http_tls_has_plain(const struct http_tls *t);
/* Seals all of `plain` onto `out`. False: no memory, or the session is of no more use. */
bool http_tls_write(struct http_tls *t, struct str plain, struct buf *out) MUST_USE;
/* close_notify onto `out`. */
void http_tls_end(struct http_tls *t, struct buf *out);
