/* TLS of our own, with OpenSSL: TLS 1.2 and 1.3, ALPN "http/1.1", no renegotiation, no compression,
 * no early data.
 *
 * A context (certificate, key, settings) is immutable and shared by all loops; a reload makes a new
 * one, which the connections that come from then on use. A session belongs to its connection's
 * thread and does no I/O itself: bytes from the socket go in, bytes for the socket come out, so
 * that a test can drive it.
 *
 *   receive -> read until it gives 0 -> receive ...        (the client's bytes)
 *   write ... -> end                                        (ours, once the state was OPEN)
 *
 * What was received and not read yet stays sealed but for one record: who stops reading stops
 * receiving too, and memory is bounded. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct http_tls_context;

/* PEM files: the certificate with its chain, and its key. Errors name the file and say how to mend
 * it: missing, not PEM, key with a passphrase, key and certificate that do not belong together.
 * Warned of in the log, and taken: a certificate that has ended or has not begun, a key that every
 * user of the machine can read. Any thread. */
enum err http_tls_context_load(const char *certificate_path, const char *key_path,
                               struct http_tls_context **ret, struct error *error) MUST_USE;
struct http_tls_context *http_tls_context_retain(struct http_tls_context *c);
void http_tls_context_release(struct http_tls_context *c); /* NULL is fine */
/* When the certificate ends, Unix seconds. */
int64_t http_tls_context_expires_at(const struct http_tls_context *c);

struct http_tls; /* one connection's session */

struct http_tls *http_tls_new(struct http_tls_context *c); /* retains */
void http_tls_free(struct http_tls *t);                    /* NULL is fine */

enum http_tls_state {
    HTTP_TLS_HANDSHAKE,
    HTTP_TLS_OPEN,
    HTTP_TLS_ENDED,  /* the client sent close_notify; it may still be written to */
    HTTP_TLS_FAILED, /* of no more use; what was added to `out` may be an alert */
};
enum http_tls_state http_tls_state(const struct http_tls *t);

/* Takes bytes that came from the socket, all of them: at most HTTP_READ_SIZE. What is to be sent
 * (handshake, alerts) is added to `out`. What does not begin as a TLS client does, such as plain
 * HTTP, fails without an answer. */
enum http_tls_state http_tls_receive(struct http_tls *t, struct str bytes, struct buf *out);
/* Plain bytes that have arrived, at most `size`; 0 when there are none for now, and then the state
 * may have changed, and `out` hold an alert. */
size_t http_tls_read(struct http_tls *t, char *to, size_t size, struct buf *out);
/* Received and not read: perhaps plain bytes, perhaps only a part of a record. */
bool http_tls_has_more(const struct http_tls *t);
/* How much memory it holds, as measured with OpenSSL 3.0. */
size_t http_tls_size(const struct http_tls *t);
/* Seals all of `plain` onto `out`. False: no memory, or the session is of no more use. */
bool http_tls_write(struct http_tls *t, struct str plain, struct buf *out) MUST_USE;
/* close_notify onto `out`, once; nothing when no handshake was finished. */
void http_tls_end(struct http_tls *t, struct buf *out);
