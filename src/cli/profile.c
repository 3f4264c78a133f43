/* hudhud number profile: shows the business profile, or changes what options name. */
#include "cli/admin.h"
#include "cli/commands.h"
#include "cli/list.h"
#include "cli/number.h"
#include "cli/payload.h"

static const char *const texts[] = {"about", "address", "description", "email", "vertical"};

static const struct column record[] = {
    {"about", "about"},
    {"address", "address"},
    {"description", "description"},
    {"e-mail", "email"},
    {"vertical", "vertical"},
    {"website", "website"},
    {"second website", "other"},
    {"picture", "profile_picture_url"},
};

/* "--website ''" alone: none. */
static void add_websites(struct cli *cli, struct payload *payload)
{
    struct str urls[GRAPH_WEBSITES_MAX + 1]; /* one too many is for the server to refuse */
    size_t n = 0;
    for (size_t i = 0; i < cli->args.n_given; i++) {
        const struct arg *arg = &cli->args.given[i];
        if (arg->option && strcmp(arg->option->name, "website") == 0 && arg->value[0] &&
            n < ARRAY_LEN(urls))
            urls[n++] = str_from(arg->value);
    }
    payload_texts(payload, "websites", urls, n);
}

static bool add_changes(struct cli *cli, struct payload *payload)
{
    bool any = args_has(&cli->args, "website");
    if (any)
        add_websites(cli, payload);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (!args_has(&cli->args, texts[i]))
            continue;
        payload_str(payload, texts[i], str_from(args_get(&cli->args, texts[i])));
        any = true;
    }
    return any;
}

static void copy_member(struct json_writer *w, struct json from, const char *key,
                        struct arena *arena)
{
    json_key(w, key);
    struct json value = json_get(from, key);
    if (json_present(value))
        json_raw(w, json_text(value, arena));
    else
        json_null(w);
}

/* The list of websites is laid out as two lines. */
static enum err print_profile(struct cli *cli, struct json profile)
{
    _cleanup_(buf_release)
    struct buf text;
    struct json_writer w;
    struct json flat;
    struct json websites = json_get(profile, "websites");
    buf_init(&text, CLI_PAYLOAD_MAX);
    json_writer_init(&w, &text);
    json_open(&w, '{');
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        copy_member(&w, profile, texts[i], &cli->arena);
    copy_member(&w, profile, "profile_picture_url", &cli->arena);
    json_member_opt(&w, "website", json_as_str(json_at(websites, 0), STR("")));
    json_member_opt(&w, "other", json_as_str(json_at(websites, 1), STR("")));
    json_close(&w, '}');
    if (!buf_ok(&text))
        return ERR_NO_MEMORY;
    enum err e = json_parse(buf_str(&text), &cli->arena, &flat, &cli->error);
    return e ? e : object_print(cli, flat, record, ARRAY_LEN(record));
}

enum err number_profile_run(struct cli *cli)
{
    const char *path = number_path(cli, cli->args.operands[0], "/profile");
    _cleanup_(payload_release)
    struct payload payload;
    struct str body;
    struct json data;
    payload_begin(&payload);
    bool changes = add_changes(cli, &payload);
    enum err e = payload_end(&payload, &body, &cli->error);
    if (!e)
        e = admin_once(cli, changes ? "PATCH" : "GET", path, changes ? body : STR(""), &data);
    if (e)
        return e;
    if (cli_wants_json(cli))
        return cli_print_value(cli, data);
    if (json_is_object(data))
        return print_profile(cli, data);
    fprintf(cli->out, "Meta took the change, and could not be asked after it.\n");
    return ERR_OK;
}
