#include "sim/faults.h"

static bool is_struck(const struct sim_fault *fault, struct str method, struct str path,
                      struct str account)
{
    if (fault->method && !str_eq_nocase(str_from(fault->method), method))
        return false;
    if (fault->account && !str_eq(str_from(fault->account), account))
        return false;
    return !fault->path_contains ||
           memmem(path.ptr, path.len, fault->path_contains, strlen(fault->path_contains)) != NULL;
}

void sim_fault_free(struct sim_fault *fault)
{
    if (!fault)
        return;
    list_remove(&fault->link);
    free(fault->method);
    free(fault->path_contains);
    free(fault->account);
    free(fault);
}

/* What a delayed request keeps, whatever becomes of the list meanwhile. */
static struct sim_fault *copy(const struct sim_fault *fault)
{
    struct sim_fault *c = xcalloc(1, sizeof(*c));
    *c = *fault;
    list_init(&c->link);
    c->method = c->path_contains = c->account = NULL;
    return c;
}

struct sim_fault *sim_fault_strike(struct sim_state *state, struct str method, struct str path,
                                   struct str account)
{
    list_for_each (it, &state->faults) {
        struct sim_fault *fault = CONTAINER_OF(it, struct sim_fault, link);
        if (!is_struck(fault, method, path, account))
            continue;
        struct sim_fault *struck = copy(fault);
        if (fault->times > 0 && --fault->times == 0)
            sim_fault_free(fault);
        return struck;
    }
    return NULL;
}

static const char html_page[] =
    "<!DOCTYPE html>\n<html lang=\"en\" id=\"facebook\"><head><title>Error</title></head><body>"
    "<h1>Sorry, something went wrong.</h1><p>We're working on getting this fixed as soon as we "
    "can.</p></body></html>\n";

static const char wrong_types[] =
    "{\"data\":[42,null,{\"id\":{\"x\":1},\"verified_name\":[\"a\"],\"display_phone_number\":7,"
    "\"quality_rating\":false,\"status\":{}}],\"paging\":\"none\",\"summary\":7,\"id\":[],"
    "\"name\":{}}";

static int respond(struct sim_call *call, int status, struct str type, struct str body)
{
    struct http_response response = {.status = status, .content_type = type, .body = body};
    http_respond(call->request, &response);
    return status;
}

/* A list of which the end never comes; without Content-Length, so that only the bytes themselves
 * tell a client that it is too much. */
static int respond_huge(struct sim_call *call)
{
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; "
        "charset=UTF-8\r\nConnection: close\r\n\r\n{\"data\":[";
    static const char item[] = "{\"id\":\"1\",\"verified_name\":\"all work and no play\"},\n";
    _cleanup_(buf_release)
    struct buf bytes;
    buf_init(&bytes, HTTP_OUT_MAX);
    buf_add(&bytes, str_from(head));
    while (bytes.len < (size_t)call->fault->bytes)
        buf_add(&bytes, str_from(item));
    http_cut(call->request, buf_str(&bytes));
    return 200;
}

int sim_fault_replace(struct sim_call *call)
{
    switch (call->fault->kind) {
    case SIM_FAULT_CUT: http_cut(call->request, STR("")); return 0;
    case SIM_FAULT_HTML:
        return respond(call, (int)call->fault->status, STR("text/html; charset=utf-8"),
                       str_from(html_page));
    case SIM_FAULT_WRONG_TYPES:
        return respond(call, 200, STR("application/json; charset=UTF-8"), str_from(wrong_types));
    case SIM_FAULT_HUGE: return respond_huge(call);
    default: return -1;
    }
}
