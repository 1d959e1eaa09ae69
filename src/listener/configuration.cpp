#include "listener/configuration.h"

#include "listener/connection_string.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include <getopt.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

constexpr std::string_view prefix = "DASHBOARD_DIFF_";

// `Allow_Network` is allow-network: PostgreSQL's users write it so.
std::string normal_name(std::string_view name) {
    std::string normal;
    for (const char c : name)
        normal += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return normal;
}

// A list's words stand between blanks or commas; anything else is one value.
std::vector<std::string> values_of(const OptionDescription& option, const std::string& text) {
    if (!option.is_list())
        return {text};
    constexpr const char* separators = " \t,";
    std::vector<std::string> words;
    std::size_t begin = text.find_first_not_of(separators);
    while (begin != std::string::npos) {
        const std::size_t end = text.find_first_of(separators, begin);
        words.push_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(separators, end);
    }
    return words;
}

std::string proposal(std::string_view name) {
    const std::string_view nearest = nearest_option(name);
    return nearest.empty() ? "" : "; perhaps you meant " + std::string(nearest);
}

std::string misplaced(std::string_view name) {
    return std::string(name) + " can only be given on the command line";
}

std::vector<::option> getopt_options() {
    std::vector<::option> options;
    int index = 0;
    for (const OptionDescription& option : option_table()) {
        // A switch that a lower source turned on can be turned off: --allow-http=off.
        const int argument = !option.is_switch()              ? required_argument
                             : option.scope == Scope::command ? no_argument
                                                              : optional_argument;
        options.push_back({option.name, argument, nullptr, 1000 + index++});
    }
    options.push_back({nullptr, 0, nullptr, 0});
    return options;
}

std::string unknown_option(const std::string& word) {
    if (!word.starts_with("--"))
        return word + ": unknown option";
    const std::string name = word.substr(2, word.find('=') - 2);
    if (find_option(name) != nullptr)
        return "--" + name + ": takes no value";
    const std::string_view nearest = nearest_option(name);
    return "--" + name + ": unknown option" +
           (nearest.empty() ? "" : "; perhaps you meant --" + std::string(nearest));
}

void check_commands(const Options& options) {
    const int commands = options.once + options.check_config + options.make_key +
                         options.print_secret.has_value() + options.seal.has_value();
    if (commands > 1)
        throw UsageError("more than one command is given; see --help");
}

std::string quoted(std::string_view value) {
    std::string text = "'";
    for (const char c : value)
        text += c == '\'' ? std::string("''") : std::string(1, c);
    return text + "'";
}

} // namespace

std::vector<Configuration::Given> Configuration::from_command_line(int argc, char** argv) {
    const std::vector<::option> options = getopt_options();
    std::vector<Given> given;
    optind = 0; // glibc: start afresh, for a second call in one process
    opterr = 0;
    while (true) {
        const int current = optind == 0 ? 1 : optind;
        const int code = getopt_long(argc, argv, "+:", options.data(), nullptr);
        if (code == -1)
            break;
        const std::string word = current < argc ? argv[current] : "";
        if (code == ':')
            throw UsageError(word + ": expected a value");
        if (code == '?')
            throw UsageError(unknown_option(word));
        const OptionDescription& option = option_table()[static_cast<std::size_t>(code - 1000)];
        given.push_back(
            {&option, optarg == nullptr ? "on" : optarg, std::string("--") + option.name});
    }
    if (optind < argc)
        throw UsageError(std::string(argv[optind]) + ": unexpected argument");
    return given;
}

std::vector<Configuration::Given> Configuration::from_environment(char* const* environment) {
    std::vector<Given> given;
    for (; *environment != nullptr; ++environment) {
        const std::string_view entry = *environment;
        const std::size_t equals = entry.find('=');
        if (!entry.starts_with(prefix) || equals == std::string_view::npos)
            continue;
        const std::string variable(entry.substr(0, equals));
        const std::string name = normal_name(std::string_view(variable).substr(prefix.size()));
        const OptionDescription* option = find_option(name);
        // Others may use the prefix too: no reason not to start.
        if (option == nullptr)
            warnings.push_back(variable + ": unknown setting" + proposal(name));
        else if (option->scope == Scope::command)
            warnings.push_back(variable + ": " + misplaced(name));
        else if (equals + 1 < entry.size()) // empty is as good as not set
            given.push_back({option, std::string(entry.substr(equals + 1)), variable});
    }
    return given;
}

std::vector<Configuration::Given> Configuration::from_file(const std::string& path) {
    const ConfigFile content = read_config_file(path);
    file = path;
    std::vector<Given> given;
    for (const ConfigLine& line : parse_config(content.text, path)) {
        const std::string place = path + ":" + std::to_string(line.number);
        const std::string name = normal_name(line.name);
        const OptionDescription* option = find_option(name);
        if (option == nullptr)
            throw ConfigError(place + ": unknown setting " + line.name + proposal(name));
        if (option->scope != Scope::everywhere)
            throw ConfigError(place + ": " + misplaced(name));
        given.push_back({option, line.value, place});
    }
    if (content.read_by_others) {
        const auto secret = [](const Given& line) {
            return line.option == find_option("dsn") && holds_password(line.value);
        };
        try {
            if (std::ranges::any_of(given, secret))
                warnings.push_back(path + " holds a password and can be read by others: run "
                                          "chmod 0600 on it");
        } catch (const std::invalid_argument&) {
            // A malformed dsn: to be told with its place when it is applied.
        }
    }
    return given;
}

template <typename Error>
void Configuration::apply(const std::vector<Given>& source) {
    std::vector<const OptionDescription*> seen;
    for (const Given& given : source) {
        const OptionDescription& option = *given.option;
        Origin& origin = origins_[&option];
        if (option.is_list() && std::ranges::find(seen, &option) == seen.end()) {
            option.clear(options);
            origin = {};
        }
        seen.push_back(&option);
        try {
            const std::vector<std::string> values = values_of(option, given.value);
            if (values.empty())
                throw std::invalid_argument(std::string("expected at least one ") +
                                            option.argument);
            for (const std::string& value : values)
                option.set(options, value);
        } catch (const std::invalid_argument& error) {
            const bool named =
                given.place.ends_with(option.name) || given.place.starts_with(prefix);
            throw Error(given.place + ": " + (named ? "" : std::string(option.name) + ": ") +
                        error.what());
        }
        if (option.is_list() && !origin.place.empty()) {
            origin.value += " " + given.value;
            origin.place += given.place == origin.place ? "" : ", " + given.place;
        } else {
            origin = {given.value, given.place};
        }
    }
}

Configuration Configuration::read(int argc, char** argv, char* const* environment,
                                  const std::string& default_file) {
    Configuration configuration;
    const std::vector<Given> command_line = from_command_line(argc, argv);
    const auto asks = [](const char* name) {
        return [option = find_option(name)](const Given& given) { return given.option == option; };
    };
    if (std::ranges::any_of(command_line, asks("help")) ||
        std::ranges::any_of(command_line, asks("version"))) {
        configuration.apply<UsageError>(command_line);
        return configuration;
    }
    const std::vector<Given> variables = configuration.from_environment(environment);
    std::string path = ::access(default_file.c_str(), F_OK) == 0 ? default_file : "";
    for (const std::vector<Given>* source : {&variables, &command_line})
        for (const Given& given : *source)
            if (asks("config")(given))
                path = given.value;
    // Before the file is read: its errors would hide a mistake that was just typed.
    Configuration().apply<UsageError>(command_line);
    if (!path.empty())
        configuration.apply<ConfigError>(configuration.from_file(path));
    configuration.apply<ConfigError>(variables);
    configuration.apply<UsageError>(command_line);
    check_commands(configuration.options);
    return configuration;
}

std::string Configuration::text() const {
    std::string text;
    for (const OptionDescription& option : option_table()) {
        if (option.scope != Scope::everywhere)
            continue;
        const auto origin = origins_.find(&option);
        const bool is_set = origin != origins_.end();
        std::string value = is_set ? origin->second.value : option.default_value;
        if (!is_set && option.name == std::string_view("key-file"))
            value = default_key_file();
        if (option.without_secrets != nullptr)
            value = option.without_secrets(value);
        // What is not set has no line that would say so: an empty list or path is refused.
        const std::string setting =
            (value.empty() ? "# " : "") + std::string(option.name) + " = " + quoted(value);
        text += setting + std::string(setting.size() < 40 ? 40 - setting.size() : 0, ' ') + " # " +
                (is_set ? origin->second.place : "default") + "\n";
    }
    return text;
}

std::string default_key_file() {
    if (geteuid() == 0)
        return "/etc/dashboard_diff/listener.key";
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/')
        throw ConfigError("HOME is not set: give the master key's place with --key-file");
    return std::string(home) + "/.config/dashboard_diff/listener.key";
}

} // namespace dashboard_diff::listener
