#include "listener/configuration.h"
#include "listener/core_dumps.h"
#include "listener/curl_multi.h"
#include "listener/database.h"
#include "listener/dispatcher.h"
#include "listener/email_channel.h"
#include "listener/event_loop.h"
#include "listener/help.h"
#include "listener/http_client.h"
#include "listener/key_file.h"
#include "listener/log.h"
#include "listener/outbox.h"
#include "listener/providers.h"
#include "listener/seal.h"
#include "listener/service_manager.h"
#include "listener/signals.h"
#include "listener/signature.h"
#include "listener/slack_channel.h"
#include "listener/smtp_client.h"
#include "listener/telegram_channel.h"
#include "listener/version.h"
#include "listener/webhook_channel.h"
#include "listener/worker_name.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include <sysexits.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

class OutputError : public std::runtime_error {
public:
    OutputError() : std::runtime_error("could not write to standard output") {}
};

void print(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
        throw OutputError();
}

// All of standard input without the newline that ends it.
SecretText read_secret() {
    SecretText input(longest_sealed_secret + 2); // more than fits, so that it is noticed
    std::size_t size = 0;
    while (size < input.size()) {
        const ssize_t count = ::read(STDIN_FILENO, input.data() + size, input.size() - size);
        if (count == 0)
            break;
        if (count > 0)
            size += static_cast<std::size_t>(count);
        else if (errno != EINTR)
            throw std::system_error(errno, std::generic_category(),
                                    "could not read standard input");
    }
    std::string_view secret = input.view().substr(0, size);
    if (secret.ends_with('\n'))
        secret.remove_suffix(1);
    return SecretText(secret);
}

int print_sealed(std::int64_t config_id, const SecretKey& master_key) {
    const SecretText secret = read_secret();
    try {
        print(seal(sealing_key(master_key), credentials_purpose(config_id), secret.view()) + "\n");
    } catch (const SealError& error) {
        log(Level::error, "unfit_secret", {{"reason", error.what()}});
        return EX_DATAERR;
    }
    return EX_OK;
}

int deliver(const Configuration& configuration, SecretKey master_key) {
    const Options& options = configuration.options;
    EventLoop loop;
    ServiceManager service(loop);
    Dispatcher* dispatcher = nullptr;
    const Signals signals(loop, [&dispatcher, &service, stops = 0](int signal) mutable {
        if (signal == SIGHUP) {
            log(Level::warning, "hangup_ignored",
                {{"hint", "restart the listener to read its configuration again"}});
            return;
        }
        if (++stops > 1) {
            // Without clean-up, which could wait for a name server.
            ::_exit(128 + signal);
        }
        service.stopping();
        dispatcher->shut_down();
    });
    CurlMulti curl(loop, options.concurrency);
    const bool allow_http = options.allow_http;
    HttpClient http(curl, {AddressPolicy(options.allowed_networks), allow_http, options.ca_file});
    std::vector<Network> relay_networks = options.allowed_networks;
    relay_networks.insert(relay_networks.end(), options.allowed_relays.begin(),
                          options.allowed_relays.end());
    SmtpClient smtp(curl, {AddressPolicy(relay_networks), allow_http, options.ca_file});
    Providers providers(sealing_key(master_key));
    WebhookChannel webhooks(http, WebhookKeys(master_key), allow_http);
    EmailChannel emails(smtp, providers, allow_http);
    SlackChannel slack(http, providers, allow_http);
    TelegramChannel telegram(http, providers, allow_http);
    Database database(loop, options.dsn);
    database.set_status_handler([&service](const std::string& text) { service.status(text); });
    Outbox outbox(database, worker_name(), options.poll_only);
    Dispatcher the_dispatcher(
        loop, outbox, {&webhooks, &emails, &slack, &telegram},
        {.concurrency = options.concurrency, .poll = options.poll, .once = options.once},
        [&](std::function<void()> done) { providers.refresh(outbox, std::move(done)); });
    dispatcher = &the_dispatcher;

    log(Level::info, "started",
        {{"version", program_version},
         {"concurrency", options.concurrency},
         {"config", configuration.file.empty() ? "none" : configuration.file}});
    service.status("connecting to the database");
    database.start();
    loop.run();

    switch (the_dispatcher.end()) {
    case Dispatcher::End::outcomes_lost:
        log(Level::error, "stopped",
            {{"reason",
              "the database did not take all outcomes: some deliveries will be repeated"}});
        return EX_TEMPFAIL;
    case Dispatcher::End::server_unavailable:
        return EX_UNAVAILABLE;
    case Dispatcher::End::extension_missing:
        return EX_CONFIG;
    case Dispatcher::End::permission_denied:
        return EX_NOPERM;
    case Dispatcher::End::done:
        break;
    }
    log(Level::info, "stopped");
    return EX_OK;
}

// Reads the version of a secret, then stops the loop.
class SecretVersionReader final : public Outbox::Observer {
public:
    SecretVersionReader(EventLoop& loop, Outbox& outbox, const Source& source)
        : loop_(loop), outbox_(outbox), source_(source) {
        outbox_.set_observer(*this);
    }

    // nullopt: the server could not be asked; -1: there is no such source.
    std::optional<int> version() const noexcept { return version_; }

    void outbox_ready() override {
        outbox_.secret_version(source_, [this](std::optional<int> version) {
            version_ = version;
            loop_.stop();
        });
    }
    void outbox_unavailable() override { loop_.stop(); }
    void outbox_notified() override {}

private:
    EventLoop& loop_;
    Outbox& outbox_;
    Source source_;
    std::optional<int> version_;
};

int print_secret(const Options& options, const SecretKey& master_key) {
    EventLoop loop;
    Database database(loop, options.dsn);
    Outbox outbox(database, worker_name());
    const Source source = *options.print_secret;
    const SecretVersionReader reader(loop, outbox, source);
    database.start();
    loop.run();

    if (!reader.version())
        return outbox.extension_missing()   ? EX_CONFIG
               : outbox.permission_denied() ? EX_NOPERM
                                            : EX_UNAVAILABLE;
    if (*reader.version() < 0) {
        log(Level::error,
            source.kind == Source::Kind::policy ? "no_such_policy" : "no_such_subscription",
            {{source.name(), source.id}});
        return EX_DATAERR;
    }
    print(printable_secret(WebhookKeys(master_key).key(source, *reader.version())) + "\n");
    return EX_OK;
}

int run(int argc, char** argv) {
    forbid_core_dumps();
    Configuration configuration = Configuration::read(argc, argv, environ);
    Options& options = configuration.options;
    set_log_level(options.log_level);
    for (const std::string& warning : configuration.warnings)
        log(Level::warning, "configuration", {{"reason", warning}});
    if (options.help) {
        print(help_text());
        return EX_OK;
    }
    if (options.version) {
        print(std::string("dashboard_diff_listener ") + program_version + "\n");
        return EX_OK;
    }
    if (options.check_config) {
        print(configuration.text());
        return EX_OK;
    }
    if (options.key_file.empty())
        options.key_file = default_key_file();
    SecretKey master_key = load_or_create_key(options.key_file);
    if (options.seal)
        return print_sealed(*options.seal, master_key);
    if (options.make_key)
        return EX_OK;
    return options.print_secret ? print_secret(options, master_key)
                                : deliver(configuration, std::move(master_key));
}

} // namespace
} // namespace dashboard_diff::listener

int main(int argc, char** argv) {
    using namespace dashboard_diff::listener;
    try {
        return run(argc, argv);
    } catch (const UsageError& error) {
        std::fprintf(stderr, "dashboard_diff_listener: %s\nTry --help.\n", error.what());
        return EX_USAGE;
    } catch (const ConfigError& error) {
        log(Level::error, "bad_configuration", {{"reason", error.what()}});
        return EX_CONFIG;
    } catch (const KeyFileError& error) {
        log(Level::error, "unfit_key_file", {{"reason", error.what()}});
        return EX_CONFIG;
    } catch (const OutputError& error) {
        log(Level::error, "output_lost", {{"reason", error.what()}});
        return EX_IOERR;
    } catch (const std::exception& error) {
        log(Level::error, "internal_error", {{"reason", error.what()}});
        return EX_SOFTWARE;
    }
}
