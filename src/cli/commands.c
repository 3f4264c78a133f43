#include "cli/commands.h"
#include "cli/command_rows.h"

#include "sim/sim.h"

const struct option global_options[] = {
    {.name = "data",
     .placeholder = "DIR",
     .environment = "HUDHUD_DATA",
     .help = "the data folder; default hudhud-data"},
    {.name = "config",
     .placeholder = "FILE",
     .environment = "HUDHUD_CONFIG",
     .help = "the server's configuration file"},
    {.name = "help", .letter = 'h', .help = "say how to use it"},
    {.name = "version", .help = "print the version"},
    END,
};
const struct option json_option = {.name = "json", .help = "print data as JSON"};

static const struct option domain_only[] = {DOMAIN_OPTION, END};

/* --- server ------------------------------------------------------------------------------- */

static const struct option serve_options[] = {
    {.name = "print-config", .help = "print every setting and where its value comes from, and end"},
    {.name = "example-config",
     .help = "print a configuration file with every setting and its default, and end"},
    END,
};

static const struct option sim_command_options[] = {
    {.name = "listen", .placeholder = "ADDR:PORT", .help = "where to listen; default " SIM_LISTEN},
    {.name = "numbers", .placeholder = "N", .help = "how many numbers the demo account has"},
    {.name = "scenario", .placeholder = "FILE", .help = "accounts, numbers and faults, as JSON"},
    {.name = "webhook-url", .placeholder = "URL", .help = "where the app's webhooks are posted to"},
    {.name = "verify-token",
     .placeholder = "TOKEN",
     .help = "what that URL is challenged with, until it answers"},
    {.name = "webhook-connections",
     .placeholder = "N",
     .help = "webhooks posted at once; with 1, the default, they keep their order"},
    {.name = "quiet", .letter = 'q', .help = "no line for each request"},
    END,
};

static const struct option backup_options[] = {
    {.name = "without-key", .help = "leave the key out; it has to be kept elsewhere then"},
    END,
};

static const struct option restore_options[] = {
    {.name = "replace", .help = "replace what the data folder holds; that is kept beside"},
    {.name = "key-file", .placeholder = "FILE", .help = "the key of a backup that is without one"},
    END,
};

static const struct option store_copy_options[] = {
    {.name = "from",
     .placeholder = "STORE",
     .help = "where the data is: a data folder, or the URL of a database of PostgreSQL"},
    {.name = "to", .placeholder = "STORE", .required = true, .help = "where it is to be, likewise"},
    {.name = "workspace", .placeholder = "DOMAIN", .help = "copy this workspace alone"},
    {.name = "key-file",
     .placeholder = "FILE",
     .help = "the key of both; default that of the folder"},
    {.name = "undo", .help = "take back what a copy that was not finished has put there"},
    END,
};

/* --- data --------------------------------------------------------------------------------- */

static const struct option workspace_create_options[] = {
    {.name = "domain",
     .placeholder = "DOMAIN",
     .required = true,
     .help = "its subdomain label, which callers send as X-Domain"},
    END,
};

#define RESOURCES_OPTION                                                                           \
    {                                                                                              \
        .name = "resources", .placeholder = "LIST",                                                \
        .help =                                                                                    \
            "the only endpoints it may use, in place of those before: waba-numbers, webhooks, "    \
            "events; or all"                                                                       \
    }
#define NUMBERS_OPTION                                                                             \
    {                                                                                              \
        .name = "numbers", .placeholder = "LIST",                                                  \
        .help = "the only numbers it may use, by their ids here or Meta's, such as 1,2; or all",   \
    }

static const struct option client_create_options[] = {
    DOMAIN_OPTION,
    {.name = "name",
     .placeholder = "NAME",
     .required = true,
     .help = "what the client is, for people"},
    {.name = "read-only", .help = "it may only read"},
    RESOURCES_OPTION,
    NUMBERS_OPTION,
    END,
};

static const struct option client_permit_options[] = {
    DOMAIN_OPTION,
    {.name = "read-only", .help = "it may only read"},
    {.name = "full", .help = "it may read and write"},
    RESOURCES_OPTION,
    NUMBERS_OPTION,
    END,
};

static const struct option client_rotate_options[] = {
    DOMAIN_OPTION,
    {.name = "overlap",
     .placeholder = "TIME",
     .help = "how long the old secret is good too, such as 0, 15m, 24h, 7d; default 24h"},
    END,
};

static const struct option number_link_options[] = {
    DOMAIN_OPTION,
    {.name = "waba-id",
     .placeholder = "ID",
     .required = true,
     .help = "Meta's id of the WhatsApp Business Account"},
    {.name = "token-file",
     .placeholder = "FILE",
     .help = "a file with the access token; \"-\" is standard input"},
    {.name = "replace",
     .help = "take the new token though the account is linked and its old one works"},
    {.name = "token",
     .placeholder = "TOKEN",
     .refuse =
         "is not taken: all users of a machine can read its command lines; pipe the token in, "
         "or name its file with --token-file"},
    END,
};

static const struct option number_history_options[] = {
    DOMAIN_OPTION,
    {.name = "page", .placeholder = "N", .help = "which page; default 1, the newest"},
    {.name = "limit", .placeholder = "N", .help = "how many on a page, 1 to 100; default 20"},
    END,
};

#define PIN_FILE_OPTION                                                                            \
    {                                                                                              \
        .name = "pin-file", .placeholder = "FILE",                                                 \
        .help = "a file with the PIN; \"-\" is standard input",                                    \
    }
#define NO_PIN_OPTION                                                                              \
    {                                                                                              \
        .name = "pin", .placeholder = "PIN",                                                       \
        .refuse =                                                                                  \
            "is not taken: all users of a machine can read its command lines; pipe the PIN "       \
            "in, or name its file with --pin-file",                                                \
    }

static const struct option number_request_code_options[] = {
    DOMAIN_OPTION,
    {.name = "voice", .help = "in a call instead of a text message"},
    {.name = "language",
     .placeholder = "LANGUAGE",
     .help = "the language of the message, such as ar or en_US; default en_US"},
    END,
};

static const struct option number_verify_code_options[] = {
    DOMAIN_OPTION,
    {.name = "code-file",
     .placeholder = "FILE",
     .help = "a file with the code; \"-\" is standard input"},
    {.name = "code",
     .placeholder = "CODE",
     .refuse = "is not taken: all users of a machine can read its command lines; pipe the code "
               "in, or name its file with --code-file"},
    END,
};

static const struct option number_register_options[] = {
    DOMAIN_OPTION,
    PIN_FILE_OPTION,
    {.name = "region",
     .placeholder = "COUNTRY",
     .help = "where Meta is to keep its messages, such as DE or AE; default is Meta's choice"},
    NO_PIN_OPTION,
    END,
};

static const struct option number_pin_options[] = {DOMAIN_OPTION, PIN_FILE_OPTION, NO_PIN_OPTION,
                                                   END};

static const struct option number_profile_options[] = {
    DOMAIN_OPTION,
    {.name = "about", .placeholder = "TEXT", .help = "the line below the name"},
    {.name = "address", .placeholder = "TEXT", .help = "where it is"},
    {.name = "description", .placeholder = "TEXT", .help = "what the business does"},
    {.name = "email", .placeholder = "ADDRESS", .help = "where to write to"},
    {.name = "vertical", .placeholder = "WORD", .help = "the kind of business, such as RETAIL"},
    {.name = "website",
     .placeholder = "URL",
     .repeat = true,
     .help = "a website; twice for two, which are all then"},
    END,
};

/* --- signing ------------------------------------------------------------------------------ */

#define TIMESTAMP_OPTION                                                                           \
    {                                                                                              \
        .name = "timestamp", .placeholder = "SECONDS",                                             \
        .help = "sign for this Unix time instead of now",                                          \
    }

static const struct option call_options[] = {
    {.name = "body",
     .letter = 'd',
     .placeholder = "BODY",
     .help = "the body; @FILE reads a file, @- standard input"},
    {.name = "header",
     .letter = 'H',
     .placeholder = "LINE",
     .repeat = true,
     .help = "one more header, or another value for one: \"Name: value\""},
    {.name = "include", .letter = 'i', .help = "print the answer's status and headers too"},
    {.name = "curl", .help = "print the same call as a curl line instead of making it"},
    TIMESTAMP_OPTION,
    END,
};

static const struct option sign_options[] = {TIMESTAMP_OPTION, END};

static const struct option help_options[] = {
    {.name = "markdown", .help = "the help of all commands, as docs/cli.md has it"},
    END,
};

/* --- the table ---------------------------------------------------------------------------- */

const struct command commands_first[] = {
    {
        .path = "init",
        .summary = "Make the data folder",
        .flags = COMMAND_FOLDER | COMMAND_CONFIG,
        .settings = "store",
        .details =
            "Makes the folder with its database and sealing key, for its user alone. What is\n"
            "there already is never overwritten.\n"
            "\n"
            "With --store the database is one of PostgreSQL, and DIR/store says which, so that\n"
            "every other command finds it. Where that database is Hudhud's already, the folder\n"
            "becomes that of one more server on it: for this it has to hold the key of another\n"
            "one, DIR/key, and nothing else.",
        .example =
            "hudhud init --data /var/lib/hudhud/data\n"
            "hudhud init --data /var/lib/hudhud/data --store postgres://hudhud@db.example/hudhud "
            "\\\n"
            "    --store-password-file /etc/hudhud/store-password",
        .run = init_run,
    },
    {
        .path = "serve",
        .summary = "Serve the API",
        .options = serve_options,
        .flags = COMMAND_FOLDER | COMMAND_CONFIG | COMMAND_JSON,
        .settings = "",
        .details =
            "Runs until SIGTERM or SIGINT, then answers what was begun and ends. A setting comes\n"
            "from its default, the configuration file, its variable or its flag; the last of\n"
            "these wins.",
        .example = "hudhud serve --data /var/lib/hudhud/data --listen 127.0.0.1:8080\n"
                   "hudhud serve --config /etc/hudhud/hudhud.conf --print-config",
        .run = serve_command_run,
    },
    {
        .path = "workspace create",
        .summary = "Make a workspace",
        .operands = "NAME",
        .options = workspace_create_options,
        .flags = COMMAND_ADMIN,
        .example = "hudhud workspace create \"Acme Trading\" --domain acme",
        .run = workspace_create_run,
    },
    {
        .path = "workspace list",
        .summary = "List the workspaces",
        .flags = COMMAND_ADMIN,
        .example = "hudhud workspace list",
        .run = workspace_list_run,
    },
    {
        .path = "workspace rename",
        .summary = "Give a workspace another name",
        .operands = "NAME",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details = "The name is for people. The domain is what callers sign with and stays.",
        .example = "hudhud workspace rename --domain acme \"Acme Holding\"",
        .run = workspace_rename_run,
    },
    {
        .path = "workspace disable",
        .summary = "Disable a workspace",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details = "Refuses all its callers until it is enabled again. Nothing is deleted.",
        .example = "hudhud workspace disable --domain acme",
        .run = workspace_disable_run,
    },
    {
        .path = "workspace enable",
        .summary = "Enable a workspace again",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud workspace enable --domain acme",
        .run = workspace_enable_run,
    },
    {
        .path = "client create",
        .summary = "Make an API client",
        .options = client_create_options,
        .flags = COMMAND_ADMIN,
        .details = "Prints the client's id and its HMAC secret, which is shown this once only.",
        .example = "hudhud client create --domain acme --name \"web shop\"\n"
                   "hudhud client create --domain acme --name dashboard --read-only --numbers 1,2",
        .run = client_create_run,
    },
    {
        .path = "client list",
        .summary = "List the clients of a workspace",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud client list --domain acme",
        .run = client_list_run,
    },
    {
        .path = "client rotate",
        .summary = "Give a client a new secret",
        .operands = "CLIENT_ID",
        .options = client_rotate_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Prints the new secret, this once only. The old one is good beside it for the time of\n"
            "--overlap, so that callers can be changed one by one; 0 ends it at once.",
        .example = "hudhud client rotate --domain acme --overlap 24h CLIENT_ID",
        .run = client_rotate_run,
    },
    {
        .path = "client disable",
        .summary = "Disable a client",
        .operands = "CLIENT_ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud client disable --domain acme CLIENT_ID",
        .run = client_disable_run,
    },
    {
        .path = "client enable",
        .summary = "Enable a client again",
        .operands = "CLIENT_ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud client enable --domain acme CLIENT_ID",
        .run = client_enable_run,
    },
    {
        .path = "client permit",
        .summary = "Change what a client may do",
        .operands = "CLIENT_ID",
        .options = client_permit_options,
        .flags = COMMAND_ADMIN,
        .details =
            "What is not said stays as it is. In force at once, on every call after this one; a\n"
            "call that is not permitted is answered 403 permission_denied.",
        .example =
            "hudhud client permit --domain acme --read-only CLIENT_ID\n"
            "hudhud client permit --domain acme --full --resources all --numbers 1,2 CLIENT_ID",
        .run = client_permit_run,
    },
    {
        .path = "plan show",
        .summary = "Show how often a workspace's clients may call",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "Every endpoint with its limit, for each client alone; docs/limits.md tells more.",
        .example = "hudhud plan show --domain acme",
        .run = plan_show_run,
    },
    {
        .path = "plan set",
        .summary = "Give a workspace limits of its own",
        .operands = "FILE",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "FILE is a plan in JSON, \"-\" standard input. It replaces the one before; an endpoint\n"
            "that it does not name has its default. In force at once; what was counted stays\n"
            "counted.",
        .example = "hudhud plan example > plan.json\n"
                   "hudhud plan set --domain acme plan.json\n"
                   "echo '{\"limits\":{\"GET /waba-numbers\":\"unlimited\"}}' | "
                   "hudhud plan set --domain acme -",
        .run = plan_set_run,
    },
    {
        .path = "plan reset",
        .summary = "Give a workspace the default limits again",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud plan reset --domain acme",
        .run = plan_reset_run,
    },
    {
        .path = "plan example",
        .summary = "Print the default plan as a file to start from",
        .example = "hudhud plan example > plan.json",
        .run = plan_example_run,
    },
    {
        .path = "number link",
        .summary = "Link the numbers of a WhatsApp account",
        .options = number_link_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Checks the access token with Meta, imports the account's numbers and subscribes the\n"
            "app to its webhooks. The token comes from standard input, from a file, or is asked\n"
            "for at a terminal. It is kept sealed and is never shown.",
        .example =
            "hudhud number link --domain acme --waba-id 102290129340398 --token-file token.txt\n"
            "pass meta/token | hudhud number link --domain acme --waba-id 102290129340398",
        .run = number_link_run,
    },
    {
        .path = "number list",
        .summary = "List the linked numbers",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .example = "hudhud number list --domain acme",
        .run = number_list_run,
    },
    {
        .path = "number show",
        .summary = "Show a number and its health",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "ID is the number's id here, or Meta's. Where Meta decided on a display name, it is\n"
            "shown too, with the reason of a refusal.",
        .example = "hudhud number show --domain acme 1",
        .run = number_show_run,
    },
    {
        .path = "number sync",
        .summary = "Sync numbers with Meta now",
        .operands = "[ID...]",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "Asks Meta about the accounts of these numbers, or of all, and lists the workspace's\n"
            "numbers then. The server does the same by itself every sync interval.",
        .example = "hudhud number sync --domain acme\n"
                   "hudhud number sync --domain acme 1 2",
        .run = number_sync_run,
    },
    {
        .path = "number history",
        .summary = "List the changes of a number",
        .operands = "ID",
        .options = number_history_options,
        .flags = COMMAND_ADMIN,
        .details = "Every change of its quality, status, name and limit, newest first.",
        .example = "hudhud number history --domain acme 1",
        .run = number_history_run,
    },
    {
        .path = "number unlink",
        .summary = "Unlink a number",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details = "It is no longer listed or usable; nothing changes at Meta.",
        .example = "hudhud number unlink --domain acme 1",
        .run = number_unlink_run,
    },
    {0},
};

const struct command commands_last[] = {
    {
        .path = "number request-code",
        .summary = "Ask Meta to send a verification code",
        .operands = "ID",
        .options = number_request_code_options,
        .flags = COMMAND_ADMIN,
        .details =
            "The first of three steps by which a number comes to the Cloud API: Meta sends a code to\n"
            "it, number verify-code hands the code back, and number register registers it. ID is\n"
            "the number's id here, or Meta's.",
        .example = "hudhud number request-code --domain acme 1\n"
                   "hudhud number request-code --domain acme --voice --language ar 1",
        .run = number_request_code_run,
    },
    {
        .path = "number verify-code",
        .summary = "Verify a number with the code that came",
        .operands = "ID",
        .options = number_verify_code_options,
        .flags = COMMAND_ADMIN,
        .details =
            "The code comes from standard input, from a file, or is asked for at a terminal. It is\n"
            "kept nowhere.",
        .example = "hudhud number verify-code --domain acme 1\n"
                   "echo 123456 | hudhud number verify-code --domain acme 1",
        .run = number_verify_code_run,
    },
    {
        .path = "number register",
        .summary = "Register a number with the Cloud API",
        .operands = "ID",
        .options = number_register_options,
        .flags = COMMAND_ADMIN,
        .details =
            "From then on the number sends and receives. It has to be verified. A number without a\n"
            "PIN gets the one that is given; of one that has a PIN it must be that. The PIN comes\n"
            "from standard input, from a file, or is asked for at a terminal. It is kept nowhere:\n"
            "keep it well, Meta asks for it again.\n"
            "\n"
            "Meta allows ten registrations of a number in 72 hours, and few wrong PINs.",
        .example = "hudhud number register --domain acme 1\n"
                   "pass meta/pin | hudhud number register --domain acme --region AE 1",
        .run = number_register_run,
    },
    {
        .path = "number deregister",
        .summary = "Take a number from the Cloud API",
        .operands = "ID",
        .options = domain_only,
        .flags = COMMAND_ADMIN,
        .details =
            "It sends and receives no more until it is registered again. It stays linked here.",
        .example = "hudhud number deregister --domain acme 1",
        .run = number_deregister_run,
    },
    {
        .path = "number pin",
        .summary = "Set the PIN of a number",
        .operands = "ID",
        .options = number_pin_options,
        .flags = COMMAND_ADMIN,
        .details =
            "The PIN of two-step verification, six digits, or another one in place of it. It comes\n"
            "from standard input, from a file, or is asked for at a terminal, and is kept nowhere.\n"
            "It cannot be taken away.",
        .example = "hudhud number pin --domain acme 1\n"
                   "hudhud number pin --domain acme --pin-file pin.txt 1",
        .run = number_pin_run,
    },
    {
        .path = "number profile",
        .summary = "Show or change the business profile of a number",
        .operands = "ID",
        .options = number_profile_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Without options it shows what customers see, as Meta has it now. With options it\n"
            "changes what they name and leaves the rest. An empty value clears; only --about cannot\n"
            "be empty.",
        .example = "hudhud number profile --domain acme 1\n"
                   "hudhud number profile --domain acme --about \"Open from 9 to 17\" "
                   "--email hello@acme.example 1\n"
                   "hudhud number profile --domain acme --website https://acme.example --address "
                   "\"\" 1",
        .run = number_profile_run,
    },
    {
        .path = "call",
        .summary = "Make one signed call",
        .operands = "METHOD PATH",
        .options = call_options,
        .details =
            "PATH is relative to /api/developer and carries the query. JSON is indented on a\n"
            "terminal and printed as it came otherwise. Fails when the answer is not 2xx. A stream,\n"
            "such as that of GET /events, is printed as it comes, until the server or Ctrl-C ends it;\n"
            "\"hudhud event follow\" connects again when it breaks.\n\n" SERVER_HELP
                CREDENTIALS_HELP,
        .example = "hudhud call GET '/waba-numbers?include=health'\n"
                   "hudhud call --curl GET /waba-numbers\n"
                   "hudhud call -i POST /waba-numbers/1/sync",
        .run = call_run,
    },
    {
        .path = "sign",
        .summary = "Print the headers of a signed call",
        .operands = "METHOD PATH [BODY]",
        .options = sign_options,
        .flags = COMMAND_JSON,
        .details = "BODY is text, @FILE or @- for standard input.\n\n" CREDENTIALS_HELP,
        .example = "hudhud sign GET /waba-numbers",
        .run = sign_run,
    },
    {
        .path = "sim",
        .summary = "Play Meta's Graph API",
        .options = sim_command_options,
        .details =
            "A server to develop and test against: everything in memory, nothing leaves the\n"
            "machine.",
        .footer = sim_help,
        .example = "hudhud sim --numbers 5\n"
                   "hudhud serve --graph-url http://" SIM_LISTEN,
        .run = sim_command_run,
    },
    {
        .path = "backup",
        .summary = "Back up the data folder",
        .operands = "FOLDER",
        .options = backup_options,
        .flags = COMMAND_ADMIN,
        .details =
            "FOLDER is made, or is empty. One moment of the database goes into it, checked, with the\n"
            "key and a manifest; the manifest is written last. A running server goes on meanwhile,\n"
            "and writes the files itself, as its own user.",
        .example = "hudhud backup /var/backups/hudhud/$(date +%F) --data /var/lib/hudhud/data",
        .run = backup_command_run,
    },
    {
        .path = "restore",
        .summary = "Restore a backup",
        .operands = "BACKUP",
        .options = restore_options,
        .flags = COMMAND_ADMIN,
        .details =
            "Makes a data folder that is new or empty. With --replace it replaces what a folder\n"
            "holds, also under a running server, whose answers are then from before or from after.\n"
            "Everything is checked first: when something is wrong, nothing is changed.\n"
            "\n"
            "What was there is kept in DIR/before-restore-TIME, as a backup of its own.",
        .example =
            "hudhud restore /var/backups/hudhud/2026-01-31 --data /var/lib/hudhud/data\n"
            "hudhud restore /var/backups/hudhud/2026-01-31 --data /var/lib/hudhud/data --replace",
        .run = restore_command_run,
    },
    {
        .path = "store copy",
        .summary = "Copy a store into another",
        .options = store_copy_options,
        .flags = COMMAND_CONFIG | COMMAND_JSON,
        .settings = "store-password-file",
        .details =
            "Copies everything, or one workspace, between SQLite and PostgreSQL in any direction.\n"
            "No server may run on either meanwhile. The source stays as it is. At the end both are\n"
            "read again: the copy counts when their rows are the same.\n"
            "\n"
            "The target is made before with hudhud init, with a copy of the source's key in its\n"
            "folder. For everything it has to be new. Beside others, a workspace keeps its domain,\n"
            "its clients and their secrets, and its numbers' ids where these are free.\n"
            "\n"
            "A copy that was cut short goes on where it was when the same command is run again;\n"
            "until it is whole no server starts on the target.",
        .example =
            "mkdir -m 700 /var/lib/hudhud/new && cp -p /var/lib/hudhud/data/key /var/lib/hudhud/new/\n"
            "hudhud init --data /var/lib/hudhud/new --store postgres://hudhud@db.example/hudhud\n"
            "hudhud store copy --from /var/lib/hudhud/data --to /var/lib/hudhud/new",
        .run = store_copy_run,
    },
    {
        .path = "key show",
        .summary = "Show which keys seal the database",
        .flags = COMMAND_ADMIN,
        .details =
            "Tokens and secrets in the database are sealed with the key in DIR/key. Tells the ids of\n"
            "the keys and how many values each has sealed; never a key itself.",
        .example = "hudhud key show",
        .run = key_show_run,
    },
    {
        .path = "key rotate",
        .summary = "Seal the database with a new key",
        .flags = COMMAND_ADMIN,
        .details =
            "Makes a new key and seals every token and secret anew; a running server goes on\n"
            "answering. A crash at any instant loses nothing: the next start ends the rotation.\n"
            "Of several servers on one database only the last that runs may do it.\n"
            "\n"
            "The old key is kept as DIR/key.<id>.old: backups that were made before, without their\n"
            "key, need it. Keep it with them, and remove it from the folder.",
        .example = "hudhud key rotate --data /var/lib/hudhud/data",
        .run = key_rotate_run,
    },
    {
        .path = "health",
        .summary = "Ask the running server whether it is ready",
        .flags = COMMAND_CONFIG,
        .details =
            "Asks /readyz at the address of the setting ops-listen and prints the answer. Fails\n"
            "when the server is not ready or does not answer: for a container's health check, or\n"
            "a script that waits.",
        .example = "HUDHUD_OPS_LISTEN=127.0.0.1:9090 hudhud health",
        .run = health_run,
    },
    {
        .path = "doctor",
        .summary = "Check everything and say what to do",
        .flags = COMMAND_ADMIN,
        .details =
            "Checks the folder, the key, the disk, the database, the server, the clock, the way to\n"
            "Graph, and of every account its token and whether Meta sends its webhooks here. Fails\n"
            "when a check does.",
        .example = "hudhud doctor --data /var/lib/hudhud/data",
        .run = doctor_run,
    },
    {
        .path = "openapi",
        .summary = "Print the OpenAPI document",
        .details =
            "The developer API in OpenAPI 3.1, for generators of clients: what a server answers at\n"
            "/openapi.json, without a server.",
        .example = "hudhud openapi > openapi.json",
        .run = openapi_run,
    },
    {
        .path = "version",
        .summary = "Print the version",
        .flags = COMMAND_JSON,
        .example = "hudhud version",
        .run = version_run,
    },
    {
        .path = "help",
        .summary = "Say how to use a command",
        .operands = "[COMMAND...]",
        .options = help_options,
        .example = "hudhud help number link",
        .run = help_run,
    },
    {0},
};
