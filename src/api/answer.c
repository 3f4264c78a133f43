#include "api/answer.h"
#include "json/writer.h"

const char *answer_default_message(enum err e)
{
    if (e == ERR_IN_DOUBT)
        return "The database was lost while this was being saved: it is saved, or it is not. Send "
               "the same request with the same Idempotency-Key again: it is carried out once";
    switch (err_status(e)) {
    case 400: return "The request is not valid";
    case 401: return "Invalid HMAC signature";
    case 403: return "Permission denied";
    case 404: return "Resource not found";
    case 405: return "This method is not allowed here";
    case 409: return "The request conflicts with what is there";
    case 413: return "The body is too large";
    case 502: return "Meta answered something unusable";
    case 503: return "The server cannot do this now; try again";
    default: return "Something went wrong on our side";
    }
}

void answer_write_error(struct buf *out, const struct error *error, struct str request_id)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_open(&w, '{');
    json_member_cstr(&w, "error", err_code(error->err));
    if (error->message.len)
        json_member_str(&w, "message", error->message);
    else
        json_member_cstr(&w, "message", answer_default_message(error->err));
    if (error->details) {
        json_key(&w, "details");
        json_open(&w, '{');
        for (const struct error_detail *d = error->details; d; d = d->next) {
            json_key_str(&w, d->field);
            if (d->problem.ptr)
                json_str(&w, d->problem);
            else
                json_null(&w);
        }
        json_close(&w, '}');
    }
    json_member_str(&w, "request_id", request_id);
    json_close(&w, '}');
}
