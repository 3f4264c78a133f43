/* The steps by which a number comes to the Cloud API and leaves it: meta-graph.md §2. */
#include "graph/transport.h"
#include "json/writer.h"

/* One body. It has all its room from the start, so that no copy of a PIN is left behind. */
struct step {
    struct buf text;
    struct json_writer w;
};

static void begin(struct step *s)
{
    buf_init(&s->text, GRAPH_STEP_MAX);
    if (!buf_reserve(&s->text, GRAPH_STEP_MAX))
        die("out of memory");
    json_writer_init(&s->w, &s->text);
    json_open(&s->w, '{');
}

/* What the callers send is within GRAPH_STEP_MAX, all of it. */
static void end(struct step *s, struct graph *g, struct str number_id, const char *edge,
                const struct secret *token, struct arena *arena, graph_cb *cb, void *arg)
{
    char path[GRAPH_PATH_MAX];
    json_close(&s->w, '}');
    if (!buf_ok(&s->text))
        die("a step of registration is longer than GRAPH_STEP_MAX");
    graph_post_for_success(g, graph_path(path, number_id, edge), buf_str(&s->text),
                           *edge ? edge : "the number", token, arena, cb, arg);
    wipe(s->text.ptr, s->text.len);
    buf_release(&s->text);
}

void graph_request_code(struct graph *g, struct str number_id, struct str method,
                        struct str language, const struct secret *token, struct arena *arena,
                        graph_cb *cb, void *arg)
{
    struct step s;
    begin(&s);
    json_member_str(&s.w, "code_method", method);
    json_member_str(&s.w, "language", language);
    end(&s, g, number_id, "request_code", token, arena, cb, arg);
}

void graph_verify_code(struct graph *g, struct str number_id, const struct secret *code,
                       const struct secret *token, struct arena *arena, graph_cb *cb, void *arg)
{
    struct step s;
    begin(&s);
    json_member_str(&s.w, "code", secret_reveal(code));
    end(&s, g, number_id, "verify_code", token, arena, cb, arg);
}

void graph_register(struct graph *g, struct str number_id, const struct graph_registration *how,
                    const struct secret *token, struct arena *arena, graph_cb *cb, void *arg)
{
    struct step s;
    begin(&s);
    json_member_cstr(&s.w, "messaging_product", "whatsapp");
    json_member_str(&s.w, "pin", secret_reveal(how->pin));
    if (how->region.len)
        json_member_str(&s.w, "data_localization_region", how->region);
    end(&s, g, number_id, "register", token, arena, cb, arg);
}

void graph_deregister(struct graph *g, struct str number_id, const struct secret *token,
                      struct arena *arena, graph_cb *cb, void *arg)
{
    struct step s;
    begin(&s);
    json_member_cstr(&s.w, "messaging_product", "whatsapp");
    end(&s, g, number_id, "deregister", token, arena, cb, arg);
}

void graph_set_pin(struct graph *g, struct str number_id, const struct secret *pin,
                   const struct secret *token, struct arena *arena, graph_cb *cb, void *arg)
{
    struct step s;
    begin(&s);
    json_member_str(&s.w, "pin", secret_reveal(pin));
    end(&s, g, number_id, "", token, arena, cb, arg);
}
