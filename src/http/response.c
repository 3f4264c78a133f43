#include "http/response.h"

#include <assert.h>

#define DIGITS_MAX 20 /* of a 64-bit number */

/* Those that this program answers with; any other goes without a reason, which is allowed. */
static const struct {
    int status;
    struct str reason;
} reasons[] = {
    {200, STR_INIT("OK")},
    {201, STR_INIT("Created")},
    {202, STR_INIT("Accepted")},
    {204, STR_INIT("No Content")},
    {206, STR_INIT("Partial Content")},
    {304, STR_INIT("Not Modified")},
    {400, STR_INIT("Bad Request")},
    {401, STR_INIT("Unauthorized")},
    {403, STR_INIT("Forbidden")},
    {404, STR_INIT("Not Found")},
    {405, STR_INIT("Method Not Allowed")},
    {408, STR_INIT("Request Timeout")},
    {409, STR_INIT("Conflict")},
    {413, STR_INIT("Content Too Large")},
    {414, STR_INIT("URI Too Long")},
    {415, STR_INIT("Unsupported Media Type")},
    {417, STR_INIT("Expectation Failed")},
    {422, STR_INIT("Unprocessable Content")},
    {429, STR_INIT("Too Many Requests")},
    {431, STR_INIT("Request Header Fields Too Large")},
    {500, STR_INIT("Internal Server Error")},
    {501, STR_INIT("Not Implemented")},
    {502, STR_INIT("Bad Gateway")},
    {503, STR_INIT("Service Unavailable")},
    {504, STR_INIT("Gateway Timeout")},
    {505, STR_INIT("HTTP Version Not Supported")},
};

static struct str reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return STR("");
}

/* RFC 9110 §5.5: visible characters, blanks and tabs. */
static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

void http_response_add(struct http_response *response, struct str name, struct str value)
{
    bool fine = is_field_value(value) && response->n_headers < HTTP_EXTRA_HEADERS_MAX;
    assert(fine);
    if (fine)
        response->headers[response->n_headers++] = (struct http_header){name, value};
}

static char *put(char *to, struct str s)
{
    if (s.len)
        memcpy(to, s.ptr, s.len);
    return to + s.len;
}

static char *put_number(char *to, size_t number)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return put(to, str_make(digits + at, sizeof(digits) - at));
}

static char *put_field(char *to, struct str name, struct str value)
{
    to = put(to, name);
    to = put(to, STR(": "));
    to = put(to, value);
    return put(to, STR("\r\n"));
}

/* The fixed parts of a head: more than the longest of each together. */
#define FIXED_SIZE_MAX 256

static size_t size_max(const struct http_response *response)
{
    size_t size = FIXED_SIZE_MAX + response->content_type.len + response->body.len;
    for (size_t i = 0; i < response->n_headers; i++)
        size += response->headers[i].name.len + response->headers[i].value.len + 4;
    return size;
}

static char *put_status_line(char *to, int status)
{
    to = put(to, STR("HTTP/1.1 "));
    to = put_number(to, (size_t)status);
    to = put(to, STR(" "));
    to = put(to, reason_of(status));
    return put(to, STR("\r\n"));
}

static char *put_framing(char *to, const struct http_response *response,
                         const struct http_response_frame *frame)
{
    if (frame->body == BODY_CHUNKED)
        return put_field(to, STR("Transfer-Encoding"), STR("chunked"));
    if (frame->body == BODY_ENDLESS)
        return to;
    to = put(to, STR("Content-Length: "));
    to = put_number(to, response->body.len);
    return put(to, STR("\r\n"));
}

bool http_response_write(struct buf *out, const struct http_response *response,
                         const struct http_response_frame *frame)
{
    char *to = buf_reserve(out, size_max(response));
    if (!to)
        return false;
    bool bodiless = response->status == 204 || response->status == 304;
    to = put_status_line(to, response->status);
    if (response->content_type.len)
        to = put_field(to, STR("Content-Type"), response->content_type);
    if (!bodiless)
        to = put_framing(to, response, frame);
    to = put_field(to, STR("Date"), str_make(frame->date, CLOCK_HTTP_LEN));
    to = put_field(to, STR("X-Request-Id"), str_make(frame->id, HTTP_REQUEST_ID_LEN));
    for (size_t i = 0; i < response->n_headers; i++)
        to = put_field(to, response->headers[i].name, response->headers[i].value);
    if (frame->close)
        to = put(to, STR("Connection: close\r\n"));
    else if (frame->keep_alive)
        to = put(to, STR("Connection: keep-alive\r\n"));
    to = put(to, STR("\r\n"));
    if (!bodiless && !frame->head_only)
        to = put(to, response->body);
    out->len = (size_t)(to - out->ptr);
    return true;
}
