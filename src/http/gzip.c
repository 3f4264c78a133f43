#include "http/gzip.h"
#include "base/limits.h"

#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window; 16 asks for the form of gzip */
#define GZIP_MEMORY      8         /* zlib's default; 9 gains nothing */
/* A page of 20 numbers, 9.8 KB: level 1 leaves 20 % of it in 27 us, level 6 18 % in 53 us. */
#define GZIP_LEVEL 1

void http_gzip_init(struct http_gzip *z)
{
    z->stream = NULL;
}

void http_gzip_release(struct http_gzip *z)
{
    if (z->stream)
        deflateEnd(z->stream);
    free(z->stream);
    z->stream = NULL;
}

/* --- who accepts it ----------------------------------------------------------------------- */

#define QUALITY_ONE    1000 /* qualities are kept in thousandths: they have three digits at most */
#define QUALITY_UNSAID (-1)

/* qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), RFC 9110 §12.4.2. */
static bool parse_quality(struct str s, int *ret)
{
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1'))
        return false;
    if (s.len > 1 && s.ptr[1] != '.')
        return false;
    int quality = (s.ptr[0] - '0') * QUALITY_ONE;
    for (size_t i = 2, worth = QUALITY_ONE / 10; i < s.len; i++, worth /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        quality += (s.ptr[i] - '0') * (int)worth;
    }
    *ret = quality;
    return quality <= QUALITY_ONE;
}

/* "gzip", "gzip;q=0.5": what follows the coding. Zero, which is "not acceptable", when that is
 * malformed: the plain form is never wrong. */
static int read_weight(struct str weight)
{
    int quality;
    weight = str_trim(weight);
    if (weight.len == 0)
        return QUALITY_ONE;
    if (weight.len < 2 || (weight.ptr[0] | 0x20) != 'q' || weight.ptr[1] != '=')
        return 0;
    return parse_quality(str_skip(weight, 2), &quality) ? quality : 0;
}

struct codings {
    int gzip, identity, any;
};

static void read_codings(struct str list, struct codings *c)
{
    while (list.len) {
        struct str weight = str_split(&list, ',');
        struct str coding = str_trim(str_split(&weight, ';'));
        if (str_eq_nocase(coding, STR("gzip")) || str_eq_nocase(coding, STR("x-gzip")))
            c->gzip = read_weight(weight);
        else if (str_eq_nocase(coding, STR("identity")))
            c->identity = read_weight(weight);
        else if (str_eq(coding, STR("*")))
            c->any = read_weight(weight);
    }
}

bool http_accepts_gzip(const struct http_request *r)
{
    struct codings c = {QUALITY_UNSAID, QUALITY_UNSAID, QUALITY_UNSAID};
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq_nocase(r->headers[i].name, STR("Accept-Encoding")))
            read_codings(r->headers[i].value, &c);
    int gzip = c.gzip != QUALITY_UNSAID ? c.gzip : c.any;
    return gzip > 0 && gzip >= c.identity;
}

/* --- compressing -------------------------------------------------------------------------- */

/* NULL: no memory. */
static z_stream *ready_stream(struct http_gzip *z)
{
    z_stream *stream = z->stream;
    if (stream)
        return deflateReset(stream) == Z_OK ? stream : NULL;
    stream = calloc(1, sizeof(*stream));
    if (!stream || deflateInit2(stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
                                Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    return z->stream = stream;
}

bool http_gzip_compress(struct http_gzip *z, struct str body, struct buf *out)
{
    if (body.len < HTTP_GZIP_MIN || body.len > UINT32_MAX || out->max == 0)
        return false;
    size_t room = MIN(body.len - 1, out->max);
    z_stream *stream = ready_stream(z);
    char *to = stream ? buf_reserve(out, room) : NULL;
    if (!to)
        goto fail;
    stream->next_in = (Bytef *)(uintptr_t)body.ptr; /* zlib only reads it */
    stream->avail_in = (uInt)body.len;
    stream->next_out = (Bytef *)to;
    stream->avail_out = (uInt)room;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END)
        goto fail;
    out->len = room - stream->avail_out;
    return true;
fail:
    buf_clear(out);
    return false;
}
