/* The part of the command table about Meta's webhooks and the events that leave. */
#include "cli/command_rows.h"
#include "cli/commands.h"

/* --- options ------------------------------------------------------------------------------ */

#define SECRET_FILE_OPTION                                                                         \
    {                                                                                              \
        .name = "secret-file", .placeholder = "FILE",                                              \
        .help = "a file with the app's secret; \"-\" is standard input",                           \
    }
#define SECRET_REFUSAL                                                                             \
    {                                                                                              \
        .name = "secret", .placeholder = "SECRET",                                                 \
        .refuse =                                                                                  \
            "is not taken: all users of a machine can read its command lines; pipe the "           \
            "secret in, or name its file with --secret-file",                                      \
    }
#define VERIFY_TOKEN_FILE_OPTION                                                                   \
    {                                                                                              \
        .name = "verify-token-file", .placeholder = "FILE",                                        \
        .help = "a file with the verify token; a new one is made and printed without",             \
    }
#define OVERLAP_OPTION                                                                             \
    {                                                                                              \
        .name = "overlap", .placeholder = "TIME",                                                  \
        .help = "how long the old secret is good too, such as 0, 15m, 24h, 7d; default 24h",       \
    }
#define EVENTS_OPTION                                                                              \
    {                                                                                              \
        .name = "events", .placeholder = "LIST",                                                   \
        .help = "the events it gets, such as number.quality.updated,account.updated; or all",      \
    }
#define BEFORE_OPTION                                                                              \
    {                                                                                              \
        .name = "before", .placeholder = "ID", .help = "only those that are older than this one",  \
    }
#define STATE_OPTION                                                                               \
    {                                                                                              \
        .name = "state", .placeholder = "STATE",                                                   \
        .help = "only those that are waiting, behind, done, dead or dropped",                      \
    }
#define LIMIT_OPTION(max)                                                                          \
    {                                                                                              \
        .name = "limit", .placeholder = "N", .help = "how many, 1 to " max "; default 20",         \
    }

static const struct option domain_only[] = {DOMAIN_OPTION, END};

static const struct option app_add_options[] = {
    {.name = "name", .placeholder = "NAME", .help = "what the app is, for people; default its id"},
    {.name = "workspace",
     .placeholder = "DOMAIN",
     .help = "take from it only what is about this workspace's accounts, at an address of its own"},
    SECRET_FILE_OPTION,
    VERIFY_TOKEN_FILE_OPTION,
    SECRET_REFUSAL,
    END,
};

static const struct option app_rotate_options[] = {
    SECRET_FILE_OPTION,
    OVERLAP_OPTION,
    SECRET_REFUSAL,
    END,
};

static const struct option app_verify_token_options[] = {VERIFY_TOKEN_FILE_OPTION, END};

static const struct option webhook_add_options[] = {DOMAIN_OPTION, EVENTS_OPTION, END};

static const struct option webhook_change_options[] = {
    DOMAIN_OPTION,
    {.name = "url", .placeholder = "URL", .help = "where its events go from now on"},
    EVENTS_OPTION,
    END,
};

static const struct option webhook_rotate_options[] = {DOMAIN_OPTION, OVERLAP_OPTION, END};

static const struct option webhook_deliveries_options[] = {
    DOMAIN_OPTION, STATE_OPTION, LIMIT_OPTION("100"), BEFORE_OPTION, END,
};

static const struct option webhook_replay_options[] = {
    DOMAIN_OPTION,
    {.name = "from",
     .placeholder = "WHEN",
     .help = "everything since then: 2026-01-31T10:30:00Z, or how long ago, such as 24h"},
    {.name = "to", .placeholder = "WHEN", .help = "... and before then; default now"},
    END,
};

static const struct option event_follow_options[] = {
    {.name = "events",
     .placeholder = "LIST",
     .help = "only these, such as number.quality.updated,account.updated; default all"},
    {.name = "after",
     .placeholder = "ID",
     .help = "begin behind the event with this id; default with what happens from now on"},
    END,
};

static const struct option inbound_list_options[] = {
    {.name = "state", .placeholder = "STATE", .help = "only those that are kept, or applied"},
    LIMIT_OPTION("1000"),
    BEFORE_OPTION,
    END,
};

static const struct option inbound_show_options[] = {
    {.name = "raw", .help = "only the body, byte for byte as it came; for a file or a pipe"},
    END,
};

static const struct option inbound_reapply_options[] = {
    {.name = "all", .help = "all that are kept"},
    END,
};

static const struct option account_history_options[] = {
    LIMIT_OPTION("1000"),
    BEFORE_OPTION,
    END,
};

static const struct option job_list_options[] = {
    STATE_OPTION,
    {.name = "domain", .placeholder = "DOMAIN", .help = "only those of this workspace"},
    {.name = "webhook", .placeholder = "ID", .help = "only those of this webhook"},
    LIMIT_OPTION("1000"),
    BEFORE_OPTION,
    END,
};

/* --- the rows ----------------------------------------------------------------------------- */

const struct command commands_events[] = {
    {
        .path = "app add",
        .summary = "Take the webhooks of an app of Meta's",
        .operands = "APP_ID",
        .options = app_add_options,
        .flags = COMMAND_ADMIN,
        .details =
            "APP_ID and the secret are in Meta's dashboard, under the app's basic settings. What\n"
            "Meta sends is taken when it is signed with that secret. The secret comes from standard\n"
            "input, from a file, or is asked for at a terminal; it is kept sealed and never shown.\n"
            "\n"
            "Prints the callback path and the verify token, to be typed into the dashboard. A token\n"
            "that is made here is shown this once only.",
        .example = "hudhud app add 670843887433847 --name \"Acme\" --secret-file app-secret.txt\n"
                   "pass meta/secret | hudhud app add 670843887433847 --workspace acme",
        .run = app_add_run,
    },
    {
        .path = "app list",
        .summary = "List the apps whose webhooks are taken",
        .flags = COMMAND_ADMIN,
        .example = "hudhud app list",
        .run = app_list_run,
    },
    {
        .path = "app rotate",
        .summary = "Give an app the new secret that Meta made",
        .operands = "APP_ID",
        .options = app_rotate_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Reset the secret in Meta's dashboard, then bring the new one here. What is signed with\n"
            "the old one is taken for the time of --overlap; 0 ends it at once. Where the setting\n"
            "app-secret-file holds the same secret, change that file too and restart the server.",
        .example = "hudhud app rotate 670843887433847 --secret-file new-secret.txt --overlap 1h",
        .run = app_rotate_run,
    },
    {
        .path = "app verify-token",
        .summary = "Give an app another verify token",
        .operands = "APP_ID",
        .options = app_verify_token_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Meta sends it when the callback URL is saved in its dashboard, and at no other time:\n"
            "what comes in goes on coming in. Makes a new one and shows it this once only.",
        .example = "hudhud app verify-token 670843887433847",
        .run = app_verify_token_run,
    },
    {
        .path = "app remove",
        .summary = "Remove an app of Meta's",
        .operands = "APP_ID",
        .flags = COMMAND_ADMIN,
        .details = "Its webhooks are not taken any more: they are refused. What came is kept.",
        .example = "hudhud app remove 670843887433847",
        .run = app_remove_run,
    },
    {
        .path = "webhook add",
        .summary = "Deliver a workspace's events to a URL",
        .operands = "URL",
        .options = webhook_add_options,
        .flags = COMMAND_ADMIN,
        .details =
            "The URL is asked first whether it wants them: it gets a POST of {\"type\":\n"
            "\"verification\", \"challenge\": \"...\"} and has to answer 200 with {\"challenge\": "
            "\"...\"}.\n"
            "Prints the webhook's secret, this once only: the receiver verifies with it that what it\n"
            "gets is from here. docs/webhooks.md lists the events and shows how to verify.",
        .example =
            "hudhud webhook add https://shop.example/hudhud --domain acme\n"
            "hudhud webhook add https://shop.example/hudhud --domain acme \\\n"
            "    --events number.quality.updated,number.status.updated,template.status.updated",
        .run = webhook_add_run,
    },
    {
        .path = "webhook list",
        .summary = "List the webhooks of a workspace",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud webhook list --domain acme",
        .run = webhook_list_run,
    },
    {
        .path = "webhook show",
        .summary = "Show a webhook",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud webhook show --domain acme 1",
        .run = webhook_show_run,
    },
    {
        .path = "webhook change",
        .summary = "Change a webhook's URL or events",
        .operands = "ID",
        .options = webhook_change_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Another URL is asked first, as by \"webhook add\"; what waits is delivered there then.\n"
            "Other events hold for what happens from now on. The secret stays.",
        .example = "hudhud webhook change --domain acme --url https://new.example/hudhud 1\n"
                   "hudhud webhook change --domain acme --events all 1",
        .run = webhook_change_run,
    },
    {
        .path = "webhook enable",
        .summary = "Enable a webhook again",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "What waited when it was disabled is delivered. What happened meanwhile is not: it was\n"
            "not written down for this webhook.",
        .example = "hudhud webhook enable --domain acme 1",
        .run = webhook_enable_run,
    },
    {
        .path = "webhook disable",
        .summary = "Disable a webhook",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details = "Nothing is delivered to it, and no event is written down for it, until it is\n"
                   "enabled again.",
        .example = "hudhud webhook disable --domain acme 1",
        .run = webhook_disable_run,
    },
    {
        .path = "webhook remove",
        .summary = "Remove a webhook",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details = "What waits for it is dropped.",
        .example = "hudhud webhook remove --domain acme 1",
        .run = webhook_remove_run,
    },
    {
        .path = "webhook rotate-secret",
        .summary = "Give a webhook a new secret",
        .operands = "ID",
        .options = webhook_rotate_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Prints the new secret, this once only. For the time of --overlap what is delivered is\n"
            "signed with both; 0 ends the old one at once.",
        .example = "hudhud webhook rotate-secret --domain acme --overlap 1h 1",
        .run = webhook_rotate_secret_run,
    },
    {
        .path = "webhook test",
        .summary = "Send a test event to a webhook",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "Sends the event webhook.test, waits for what comes of it, and shows it. Fails when the\n"
            "webhook did not take it. Needs a server that runs.",
        .example = "hudhud webhook test --domain acme 1",
        .run = webhook_test_run,
    },
    {
        .path = "webhook deliveries",
        .summary = "List what was delivered to a webhook",
        .operands = "ID",
        .options = webhook_deliveries_options,
        .flags = COMMAND_ADMIN,
        .details = "Newest first. Those that ended stay on record for the setting events-keep.",
        .example = "hudhud webhook deliveries --domain acme 1\n"
                   "hudhud webhook deliveries --domain acme --state dead --limit 100 1",
        .run = webhook_deliveries_run,
    },
    {
        .path = "webhook delivery",
        .summary = "Show a delivery and each try of it",
        .operands = "ID DELIVERY",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details = "Shows what is sent, and what the webhook answered to each try.",
        .example = "hudhud webhook delivery --domain acme 1 17",
        .run = webhook_delivery_run,
    },
    {
        .path = "webhook replay",
        .summary = "Deliver events to a webhook again",
        .operands = "ID [DELIVERY]",
        .options = webhook_replay_options,
        .flags = COMMAND_ADMIN,
        .details =
            "The event of one delivery, or each event that was to be delivered in a time, once, in\n"
            "its order: whether it failed or not. It carries the same webhook-id as before, by which\n"
            "a receiver knows what it has. At most 2000 at once; when there are more, none is.",
        .example = "hudhud webhook replay --domain acme 1 17\n"
                   "hudhud webhook replay --domain acme --from 24h 1\n"
                   "hudhud webhook replay --domain acme --from 2026-01-31T10:00:00Z "
                   "--to 2026-01-31T12:00:00Z 1",
        .run = webhook_replay_run,
    },
    {
        .path = "event follow",
        .summary = "Follow the events as they happen",
        .options = event_follow_options,
        .flags = COMMAND_JSON,
        .details =
            "Prints a line for each event: when it happened, its name, what happened as JSON; with\n"
            "--json an object with its id, event, timestamp and data. Until Ctrl-C. It needs no\n"
            "webhook.\n"
            "\n"
            "When the stream breaks it says so and connects again, behind the last event that it\n"
            "has, after the pause that the server asks for: none is missed, none comes twice. To go\n"
            "on in another run, keep the id and give it to --after; evt_000000000000000000000000\n"
            "begins with the oldest event on record. Ends with an error when the client may not\n"
            "listen, or when what came behind that event is not on record any more.\n"
            "\n" SERVER_HELP CREDENTIALS_HELP,
        .example =
            "hudhud event follow\n"
            "hudhud event follow --events number.quality.updated,account.updated\n"
            "hudhud event follow --json --after evt_7h2k9m4p6q8r1s3t5v7w9x2z >> events.jsonl",
        .run = event_follow_run,
    },
    {
        .path = "inbound list",
        .summary = "List what Meta sent",
        .options = inbound_list_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Newest first. What is applied stays on record for the setting inbound-keep. What is\n"
            "kept could not be applied, or not all of it; \"inbound show\" says why.",
        .example = "hudhud inbound list\n"
                   "hudhud inbound list --state kept --limit 100",
        .run = inbound_list_run,
    },
    {
        .path = "inbound show",
        .summary = "Show a delivery of Meta's, with its body",
        .operands = "ID",
        .options = inbound_show_options,
        .flags = COMMAND_ADMIN,
        .details = "A body that is no text is in \"body_base64\" of the JSON; --raw writes any.",
        .example = "hudhud inbound show 42\n"
                   "hudhud inbound show --raw 42 > body",
        .run = inbound_show_run,
    },
    {
        .path = "inbound reapply",
        .summary = "Apply what Meta sent once more",
        .operands = "[ID...]",
        .options = inbound_reapply_options,
        .flags = COMMAND_ADMIN,
        .details =
            "After an account was linked, or an upgrade that knows more: what was kept may be applied\n"
            "now. Applied twice is applied once, and what is known to be newer stays.",
        .example = "hudhud inbound reapply 42 43\n"
                   "hudhud inbound reapply --all",
        .run = inbound_reapply_run,
    },
    {
        .path = "account list",
        .summary = "List the linked accounts",
        .flags = COMMAND_ADMIN,
        .example = "hudhud account list",
        .run = account_list_run,
    },
    {
        .path = "account facts",
        .summary = "Show what Meta's webhooks said of an account",
        .operands = "WABA_ID",
        .flags = COMMAND_ADMIN,
        .details =
            "Its review, bans and restrictions, what it may do: Meta's words, and since when it is so.",
        .example = "hudhud account facts 102290129340398",
        .run = account_facts_run,
    },
    {
        .path = "account history",
        .summary = "Show what changed of an account",
        .operands = "WABA_ID",
        .options = account_history_options,
        .flags = COMMAND_ADMIN,
        .details = "Newest first.",
        .example = "hudhud account history 102290129340398\n"
                   "hudhud account history --limit 100 --before 401 102290129340398",
        .run = account_history_run,
    },
    {
        .path = "job list",
        .summary = "List the jobs",
        .options = job_list_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Newest first. A job is the delivery of one event to one webhook. It is waiting until it\n"
            "is due; behind, until an earlier one about the same thing ends; done; dead, when every\n"
            "try failed; or dropped, by hand or with its webhook.",
        .example = "hudhud job list --state dead\n"
                   "hudhud job list --domain acme --limit 100",
        .run = job_list_run,
    },
    {
        .path = "job show",
        .summary = "Show a job and each try of it",
        .operands = "ID",
        .flags = COMMAND_ADMIN,
        .example = "hudhud job show 17",
        .run = job_show_run,
    },
    {
        .path = "job retry",
        .summary = "Try jobs now",
        .operands = "ID...",
        .flags = COMMAND_ADMIN,
        .details =
            "One that waits is due now. One that ended is done again, as a new job, and stays on\n"
            "record. One that is behind another has to wait for that one. Refused while the webhook\n"
            "is disabled, and once it is removed.",
        .example = "hudhud job retry 17 18",
        .run = job_retry_run,
    },
    {
        .path = "job drop",
        .summary = "Drop jobs",
        .operands = "ID...",
        .flags = COMMAND_ADMIN,
        .details = "One that waits is not tried any more; the next one behind it goes on.",
        .example = "hudhud job drop 17",
        .run = job_drop_run,
    },
    {0},
};
