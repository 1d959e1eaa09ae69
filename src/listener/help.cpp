#include "listener/help.h"

#include "listener/option_table.h"

#include <string_view>

namespace dashboard_diff::listener {
namespace {

constexpr std::size_t help_column = 26;

constexpr const char* introduction =
    R"(dashboard_diff_listener delivers the alerts, and the notices of
dashboards' health, of the PostgreSQL extension dashboard_diff.

Usage: dashboard_diff_listener [OPTION]... [COMMAND]

Without a command it runs until it is told to stop. Any number of listeners may serve one
database; give them all the same master key.
)";

constexpr const char* rest = R"(
Configuration
  Whatever is not a command can stand in three places; the later one wins:
  1. the configuration file: lines of name = value, # begins a comment, quotes '' where needed;
     switches are on or off; a list's values stand between blanks or commas:
         dsn = 'host=db.example.com dbname=bi user=dashboard_diff'
         allow-network = 10.1.0.0/16, fd00::/8
  2. the environment: DASHBOARD_DIFF_ and the name in capitals, such as
     DASHBOARD_DIFF_ALLOW_NETWORK. An empty variable counts as not set.
  3. the command line. A switch can be overruled: --allow-http=off.
  A list replaces the one of an earlier place; within a place, lists add up.

Files
  /etc/dashboard_diff/listener.conf   configuration; mode 0600 if it holds a password
  /etc/dashboard_diff/listener.key    master key. Keep a copy: without it receivers need new
                                      secrets, and what was sealed has to be sealed again
  ~/.pgpass, ~/.pg_service.conf       libpq's own

Signals
  SIGTERM, SIGINT   stop: what is in flight is finished, the rest is given back; the second one
                    exits at once, and what was in flight is delivered again later
  SIGHUP            changes nothing: restart to read the configuration again

Exit status
   0  done
  64  wrong usage
  65  no such subscription or policy, or bad input
  69  server not reachable (with a command), or it refused a statement (--once)
  70  internal error
  74  output could not be written
  75  stopped with results that the database did not take: some deliveries are repeated
  77  the role may not execute a function of the extension (with a command)
  78  bad configuration or key file, or the extension is not installed (with a command)
  Without a command only 0, 64, 70, 75 and 78 come: a server that is away is waited for.

Examples
  A service: the unit dashboard_diff_listener.service reads both files in /etc/dashboard_diff.
      dashboard_diff_listener --make-key
      systemctl enable --now dashboard_diff_listener
  cron, once a minute, where no daemon may run:
      * * * * *  dashboard_diff_listener --dsn service=bi --once --log-level warning
  PgBouncer in transaction mode:
      dashboard_diff_listener --dsn 'host=pooler port=6432 dbname=bi' --poll-only --poll 2
  On this machine, to a receiver under development:
      dashboard_diff_listener --dsn bi --once --allow-http --allow-network 127.0.0.0/8
  The secret of a receiver:
      dashboard_diff_listener --dsn bi --print-secret 12
      dashboard_diff_listener --dsn bi --print-secret policy:3
)";

void append_option(std::string& text, const OptionDescription& option) {
    std::string line = std::string("  --") + option.name;
    if (!option.is_switch())
        line += std::string(" ") + option.argument;
    std::string help = option.help;
    if (option.is_list())
        help += ";\na list, or given several times";
    if (*option.default_value != '\0')
        help += std::string("\n(default: ") + option.default_value + ")";
    line.resize(std::max(line.size() + 2, help_column), ' ');
    std::string_view left = help;
    while (!left.empty()) {
        const std::size_t end = std::min(left.find('\n'), left.size());
        text += line;
        text += left.substr(0, end);
        text += '\n';
        left.remove_prefix(std::min(end + 1, left.size()));
        line.assign(help_column, ' ');
    }
}

} // namespace

std::string help_text() {
    std::string text = introduction;
    std::string_view group;
    for (const OptionDescription& option : option_table()) {
        if (group != option.group) {
            group = option.group;
            text += "\n" + std::string(group) + "\n";
        }
        append_option(text, option);
    }
    return text + rest;
}

} // namespace dashboard_diff::listener
