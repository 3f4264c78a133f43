/* Percent-decoding, queries and paths from outside, and whole URLs. What decodes is clean text, and
 * survives being encoded and decoded again; what a URL is split into is all of it. */
#include "http/http.h"

static void check_decoded(struct str from, bool form, struct arena *arena)
{
    struct str text = http_url_decode(from, form, arena);
    if (!text.ptr)
        return;
    if (text.len > from.len || !str_is_utf8(text) || memchr(text.ptr, '\0', text.len))
        abort();
    _cleanup_(buf_release)
    struct buf encoded;
    buf_init(&encoded, MIB);
    http_url_encode(text, &encoded);
    struct str again = http_url_decode(buf_str(&encoded), form, arena);
    if (!again.ptr || !str_eq(again, text))
        abort();
}

static void check_path(struct str path)
{
    static const char *const patterns[] = {"/", "/a", "/{x}", "/a/{x}/b", "/{x}/{y}/{z}/{w}"};
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct http_match match;
        if (!http_path_match(patterns[i], path, &match))
            continue;
        for (size_t j = 0; j < match.n_params; j++)
            if (match.params[j].len == 0 || memchr(match.params[j].ptr, '/', match.params[j].len))
                abort();
    }
}

/* Behind the last colon that is in no bracket: nothing, or 1 to 65535. */
static void check_port(struct str host)
{
    size_t colon = host.len;
    while (colon && host.ptr[colon - 1] != ':' && host.ptr[colon - 1] != ']')
        colon--;
    if (!colon || host.ptr[colon - 1] == ']') {
        if (colon && colon != host.len)
            die("a host with something behind its bracket");
        return;
    }
    int port = 0;
    for (size_t i = colon; i < host.len; i++) {
        if (host.ptr[i] < '0' || host.ptr[i] > '9' || port > 65535)
            die("a URL with no port behind its colon");
        port = port * 10 + host.ptr[i] - '0';
    }
    if (colon < host.len && (port < 1 || port > 65535))
        die("a URL with a port that none is");
}

/* The host is none that a proxy or a resolver takes for something else, and the rest is what goes
 * on the wire as it is. */
static void check_url(struct str url)
{
    struct http_url u;
    if (!http_url_split(url, &u))
        return;
    if (!u.host.len || !u.path.len || u.path.ptr[0] != '/' ||
        (u.query.len && u.query.ptr[0] != '?'))
        die("a URL without what it must have");
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '#')
            die("a URL that cannot stand in a request");
    if (memchr(u.host.ptr, '@', u.host.len))
        die("a URL with a name and a password");
    check_port(u.host);
    size_t scheme = u.secure ? sizeof("https://") - 1 : sizeof("http://") - 1;
    bool written = u.path.ptr >= url.ptr && u.path.ptr < url.ptr + url.len;
    if (scheme + u.host.len + (written ? u.path.len : 0) + u.query.len != url.len)
        die("something of a URL was lost");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_make((const char *)data, size);
    struct str value;
    struct arena arena;
    arena_init(&arena, 4 * MIB);
    check_decoded(s, false, &arena);
    check_decoded(s, true, &arena);
    if (http_query_get(s, "a", &arena, &value) == ERR_OK && value.ptr && !str_is_utf8(value))
        abort();
    check_path(s);
    check_url(s);
    arena_release(&arena);
    return 0;
}
