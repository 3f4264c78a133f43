/* /{number}/whatsapp_business_profile: meta-graph.md §2. */
#include "graph/transport.h"
#include "json/writer.h"

#define EDGE "whatsapp_business_profile"

/* --- reading ------------------------------------------------------------------------------ */

struct fetch {
    graph_profile_cb *cb;
    void *arg;
};

static struct str text_of(struct json profile, const char *key)
{
    return json_as_str(json_get(profile, key), STR(""));
}

/* Liberal: what is absent or of a wrong type is none. */
static void read_profile(struct json from, struct graph_profile *ret)
{
    *ret = (struct graph_profile){
        .about = text_of(from, "about"),
        .address = text_of(from, "address"),
        .description = text_of(from, "description"),
        .email = text_of(from, "email"),
        .vertical = text_of(from, "vertical"),
        .profile_picture_url = text_of(from, "profile_picture_url"),
    };
    if (str_eq(ret->vertical, STR("UNDEFINED"))) /* none was chosen */
        ret->vertical = STR("");
    json_for_each (website, json_get(from, "websites")) {
        struct str url = json_as_str(website, STR(""));
        if (url.len && ret->n_websites < GRAPH_WEBSITES_MAX)
            ret->websites[ret->n_websites++] = url;
    }
}

/* {"data": [{...}]}: a list of one. */
static void on_profile(void *arg, const struct graph_answer *answer)
{
    _cleanup_(freep)
    struct fetch *f = arg;
    struct graph_answer a = *answer;
    struct graph_profile profile;
    struct json found = json_at(json_get(a.json, "data"), 0);
    if (a.outcome == GRAPH_OK && !json_is_object(found)) {
        a.outcome = GRAPH_UNUSABLE;
        a.message = STR(EDGE ": an object in \"data\" was expected");
        a.json = (struct json){NULL};
    }
    if (a.outcome == GRAPH_OK)
        read_profile(found, &profile);
    f->cb(f->arg, &a, a.outcome == GRAPH_OK ? &profile : NULL);
}

void graph_fetch_profile(struct graph *g, struct str number_id, const struct secret *token,
                         struct arena *arena, graph_profile_cb *cb, void *arg)
{
    struct fetch *f = xmalloc(sizeof(*f));
    *f = (struct fetch){.cb = cb, .arg = arg};
    char path[GRAPH_PATH_MAX];
    graph_request(
        g, GRAPH_GET, graph_path(path, number_id, EDGE),
        STR("fields=about,address,description,email,profile_picture_url,websites,vertical"), token,
        arena, on_profile, f);
}

/* --- changing ----------------------------------------------------------------------------- */

static void write_text(struct json_writer *w, const char *key, struct str text)
{
    if (text.ptr)
        json_member_str(w, key, text);
}

static void write_change(struct json_writer *w, const struct graph_profile_change *change)
{
    json_open(w, '{');
    json_member_cstr(w, "messaging_product", "whatsapp");
    write_text(w, "about", change->about);
    write_text(w, "address", change->address);
    write_text(w, "description", change->description);
    write_text(w, "email", change->email);
    write_text(w, "vertical", change->vertical);
    if (change->has_websites) {
        json_key(w, "websites");
        json_open(w, '[');
        for (size_t i = 0; i < change->n_websites; i++)
            json_str(w, change->websites[i]);
        json_close(w, ']');
    }
    json_close(w, '}');
}

void graph_change_profile(struct graph *g, struct str number_id,
                          const struct graph_profile_change *change, const struct secret *token,
                          struct arena *arena, graph_cb *cb, void *arg)
{
    _cleanup_(buf_release)
    struct buf json;
    struct json_writer w;
    char path[GRAPH_PATH_MAX];
    buf_init(&json, GRAPH_JSON_MAX);
    json_writer_init(&w, &json);
    write_change(&w, change);
    if (!buf_ok(&json))
        die("a business profile is longer than GRAPH_JSON_MAX"); /* its parts have limits */
    graph_post_for_success(g, graph_path(path, number_id, EDGE), buf_str(&json), EDGE, token, arena,
                           cb, arg);
}
