#include "listener/configuration.h"

#include "listener/help.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace dashboard_diff::listener {
namespace {

using Words = std::vector<std::string>;

class ConfigurationTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "configurationXXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        file_ = (directory_ / "listener.conf").string();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& text,
               std::filesystem::perms mode = std::filesystem::perms::owner_read) {
        std::filesystem::remove(file_);
        std::ofstream(file_) << text;
        std::filesystem::permissions(file_, mode);
    }

    Configuration read(Words words, Words environment = {}) const {
        words.insert(words.begin(), "dashboard_diff_listener");
        return Configuration::read(static_cast<int>(words.size()), pointers(words).data(),
                                   pointers(environment).data(), file_);
    }

    Options parse(const Words& words) const { return read(words).options; }

    // "usage: " or "config: " with the reason; empty if all is well.
    std::string mistake(const Words& words, const Words& environment = {}) const {
        try {
            read(words, environment);
            return "";
        } catch (const UsageError& error) {
            return std::string("usage: ") + error.what();
        } catch (const ConfigError& error) {
            return std::string("config: ") + error.what();
        }
    }

    std::filesystem::path directory_;
    std::string file_;

private:
    static std::vector<char*> pointers(Words& words) {
        std::vector<char*> pointers;
        for (std::string& word : words)
            pointers.push_back(word.data());
        pointers.push_back(nullptr);
        return pointers;
    }
};

TEST_F(ConfigurationTest, Defaults) {
    const Options options = parse({});
    EXPECT_EQ(options.dsn, "");
    EXPECT_EQ(options.key_file, "");
    EXPECT_EQ(options.concurrency, 32U);
    EXPECT_EQ(options.poll, std::chrono::seconds(10));
    EXPECT_FALSE(options.once || options.allow_http || options.help || options.version);
    EXPECT_TRUE(options.allowed_networks.empty());
    EXPECT_FALSE(options.print_secret);
}

TEST_F(ConfigurationTest, DefaultsInTheTableAreTrue) {
    Options told;
    for (const OptionDescription& option : option_table())
        if (*option.default_value != '\0')
            option.set(told, option.default_value);
    const Options defaults;
    EXPECT_EQ(told.concurrency, defaults.concurrency);
    EXPECT_EQ(told.poll, defaults.poll);
    EXPECT_EQ(told.allow_http, defaults.allow_http);
    EXPECT_EQ(told.poll_only, defaults.poll_only);
    EXPECT_EQ(told.log_level, defaults.log_level);
}

TEST_F(ConfigurationTest, CommandLine) {
    const Options options =
        parse({"--dsn", "dbname=bi host=db", "--key-file=/k", "--once", "--concurrency", "5",
               "--allow-network", "10.0.0.0/8", "--allow-network=fd00::/8", "--allow-http",
               "--poll=1", "--ca-file", "/c", "--poll-only", "--log-level", "warning",
               "--allow-relay", "10.1.0.0/16,10.2.0.0/16"});
    EXPECT_EQ(options.dsn, "dbname=bi host=db");
    EXPECT_EQ(options.key_file, "/k");
    EXPECT_EQ(options.concurrency, 5U);
    EXPECT_EQ(options.poll, std::chrono::seconds(1));
    EXPECT_EQ(options.allowed_networks.size(), 2U);
    EXPECT_EQ(options.allowed_relays.size(), 2U);
    EXPECT_EQ(options.ca_file, "/c");
    EXPECT_EQ(options.log_level, Level::warning);
    EXPECT_TRUE(options.once && options.allow_http && options.poll_only);
    EXPECT_EQ(parse({"--print-secret", "12"}).print_secret,
              (Source{Source::Kind::subscription, 12}));
    EXPECT_EQ(parse({"--print-secret", "policy:3"}).print_secret,
              (Source{Source::Kind::policy, 3}));
    EXPECT_EQ(parse({"--seal", "12"}).seal, 12);
    EXPECT_TRUE(parse({"--make-key"}).make_key);
    EXPECT_TRUE(parse({"--check-config"}).check_config);
    EXPECT_EQ(parse({"--dsn", "bi"}).dsn, "bi");
}

TEST_F(ConfigurationTest, MistakesOnTheCommandLine) {
    for (const Words& words : std::vector<Words>{
             {"--no-such-option"},
             {"-x"},
             {"extra"},
             {"--once", "extra"},
             {"--once=1"},
             {"--dsn"},
             {"--dsn", "dbname='unfinished"},
             {"--dsn", "no_such_parameter=1"},
             {"--key-file", ""},
             {"--concurrency", "0"},
             {"--concurrency", "1001"},
             {"--concurrency", "-1"},
             {"--concurrency", "5x"},
             {"--concurrency", ""},
             {"--poll", "0"},
             {"--poll", "1.5"},
             {"--allow-network", "10.0.0.0/40"},
             {"--allow-network", ""},
             {"--allow-http=maybe"},
             {"--log-level", "debug"},
             {"--print-secret", "0"},
             {"--print-secret", "policy:"},
             {"--print-secret", "policy:0"},
             {"--print-secret", "Policy:1"},
             {"--print-secret", "99999999999999999999"},
             {"--once", "--print-secret", "1"},
             {"--seal", "1", "--make-key"},
             {"--config", ""},
         })
        EXPECT_TRUE(mistake(words).starts_with("usage: ")) << words.at(0) << ": " << mistake(words);
}

TEST_F(ConfigurationTest, MistakesNameTheOption) {
    EXPECT_EQ(mistake({"--concurrency", "0"}),
              "usage: --concurrency: expected a whole number from 1 to 1000, got \"0\"");
    EXPECT_EQ(mistake({"--nonsense"}), "usage: --nonsense: unknown option");
    EXPECT_EQ(mistake({"--allow-netwrok=::1"}),
              "usage: --allow-netwrok: unknown option; perhaps you meant --allow-network");
    EXPECT_EQ(mistake({"--once=1"}), "usage: --once: takes no value");
    EXPECT_EQ(mistake({"--dsn"}), "usage: --dsn: expected a value");
}

TEST_F(ConfigurationTest, LaterSourcesWin) {
    write("dsn = bi\n"
          "Concurrency = 5\n"
          "poll = 7\n"
          "allow_http = on\n"
          "allow-network = 10.1.0.0/16, 10.2.0.0/16\n"
          "allow-network = 10.3.0.0/16\n");
    EXPECT_EQ(parse({}).dsn, "bi");
    EXPECT_EQ(parse({}).allowed_networks.size(), 3U);
    const Configuration configuration = read(
        {"--poll=9", "--allow-http=off"},
        {"DASHBOARD_DIFF_POLL=8", "DASHBOARD_DIFF_CONCURRENCY=6",
         "DASHBOARD_DIFF_DSN=", "DASHBOARD_DIFF_ALLOW_NETWORK=fd00::/8 fe00::/8", "PATH=/bin"});
    const Options& options = configuration.options;
    EXPECT_EQ(options.dsn, "bi") << "an empty variable counts as not set";
    EXPECT_EQ(options.concurrency, 6U);
    EXPECT_EQ(options.poll, std::chrono::seconds(9));
    EXPECT_FALSE(options.allow_http);
    EXPECT_EQ(options.allowed_networks.size(), 2U);
    EXPECT_EQ(configuration.file, file_);
    EXPECT_TRUE(configuration.warnings.empty());
}

TEST_F(ConfigurationTest, TheFileIsFound) {
    EXPECT_EQ(read({}).file, "") << "the default one need not be there";
    const std::string other = (directory_ / "other.conf").string();
    std::ofstream(other) << "poll = 3\n";
    write("poll = 2\n");
    EXPECT_EQ(parse({}).poll, std::chrono::seconds(2));
    EXPECT_EQ(parse({"--config", other}).poll, std::chrono::seconds(3));
    EXPECT_EQ(read({}, {"DASHBOARD_DIFF_CONFIG=" + other}).options.poll, std::chrono::seconds(3));
    EXPECT_EQ(read({"--config", file_}, {"DASHBOARD_DIFF_CONFIG=" + other}).options.poll,
              std::chrono::seconds(2));
    EXPECT_EQ(parse({"--config", "/dev/null"}).poll, std::chrono::seconds(10));
    EXPECT_EQ(mistake({"--config", other + "x"}), "config: could not open configuration file " +
                                                      other + "x: No such file or directory");
    EXPECT_EQ(mistake({"--config", directory_.string()}),
              "config: could not read configuration file " + directory_.string() +
                  ": Is a directory");
}

TEST_F(ConfigurationTest, MistakesInTheFileSayWhere) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"# first\n\nconcurency = 1\n",
         ":3: unknown setting concurency; perhaps you meant concurrency"},
        {"zzz = 1", ":1: unknown setting zzz"},
        {"once = on", ":1: once can only be given on the command line"},
        {"config = /x", ":1: config can only be given on the command line"},
        {"poll", ":1: expected name = value"},
        {"= 5", ":1: expected name = value"},
        {"dsn = 'a", ":1: a quoted value does not end on its line"},
        {"dsn = 'a' b", ":1: something follows the quoted value"},
        {"poll = 5\npoll = 0\n", ":2: poll: expected a whole number from 1 to 3600, got \"0\""},
        {"allow-network = ", ":1: allow-network: expected at least one CIDR"},
        {"allow-http = maybe", ":1: allow-http: expected on or off, got \"maybe\""},
    };
    for (const auto& [text, expected] : cases) {
        write(text);
        EXPECT_EQ(mistake({}), "config: " + file_ + expected);
        EXPECT_EQ(mistake({"--help"}), "") << "help helps all the same";
    }
    EXPECT_EQ(mistake({}, {}).substr(0, 7), "config:");
    write("poll = 1\n");
    EXPECT_EQ(mistake({}, {"DASHBOARD_DIFF_POLL=x"}),
              "config: DASHBOARD_DIFF_POLL: expected a whole number from 1 to 3600, got \"x\"");
}

TEST_F(ConfigurationTest, UnknownVariablesAreOnlyWarnedOf) {
    const Words warnings =
        read({}, {"DASHBOARD_DIFF_CONCURENCY=1", "DASHBOARD_DIFF_ONCE=1"}).warnings;
    EXPECT_EQ(warnings,
              (Words{"DASHBOARD_DIFF_CONCURENCY: unknown setting; perhaps you meant concurrency",
                     "DASHBOARD_DIFF_ONCE: once can only be given on the command line"}));
}

TEST_F(ConfigurationTest, APasswordThatOthersCanReadIsWarnedOf) {
    using std::filesystem::perms;
    const std::string secret = "dsn = 'host=db password=hush'\n";
    const Words warning = {file_ +
                           " holds a password and can be read by others: run chmod 0600 on it"};
    write(secret, perms::owner_read | perms::others_read);
    EXPECT_EQ(read({}).warnings, warning);
    EXPECT_EQ(read({"--dsn=bi"}).warnings, warning) << "used or not";
    write(secret, perms::owner_read | perms::group_read);
    EXPECT_EQ(read({}).warnings, warning);
    ::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
    EXPECT_EQ(read({}).warnings, Words{}) << "the group's bits show an access control list";
    ::unsetenv("CREDENTIALS_DIRECTORY");
    write(secret);
    EXPECT_EQ(read({}).warnings, Words{});
    write("dsn = 'host=db'\n", perms::owner_read | perms::others_read);
    EXPECT_EQ(read({}).warnings, Words{});
}

TEST_F(ConfigurationTest, TextTellsSourcesAndNoSecrets) {
    write("dsn = 'host=db password=''hu sh'' dbname=bi'\nallow-network = ::1\n"
          "allow-network = ::2 ::3");
    const std::string text = read({"--poll=9"}, {"DASHBOARD_DIFF_KEY_FILE=/it's/mine"}).text();
    const auto line = [&](const std::string& name) {
        const std::size_t begin = text.find("\n" + name + " = ") + 1;
        return text.substr(begin, text.find('\n', begin) - begin);
    };
    EXPECT_EQ(text.substr(0, text.find('\n')),
              "dsn = 'password=******** dbname=bi host=db' # " + file_ + ":1");
    EXPECT_EQ(line("poll"), "poll = '9'                               # --poll");
    EXPECT_EQ(line("key-file"),
              "key-file = '/it''s/mine'                 # DASHBOARD_DIFF_KEY_FILE");
    EXPECT_EQ(line("concurrency"), "concurrency = '32'                       # default");
    EXPECT_EQ(line("allow-network"),
              "allow-network = '::1 ::2 ::3'            # " + file_ + ":2, " + file_ + ":3");
    EXPECT_EQ(line("# ca-file"), "# ca-file = ''                           # default");

    write(text);
    EXPECT_EQ(mistake({}), "") << "it is a configuration file";
    EXPECT_EQ(parse({}).key_file, "/it's/mine");
}

TEST_F(ConfigurationTest, NoSecretIsToldOfAMalformedConnectionString) {
    for (const char* dsn : {"password=hush hush2 host=x", "postgresql://u:hush%zz@host/db",
                            "postgresql://u:hush@[host/db", "host=x password='hush"}) {
        const std::string told = mistake({"--dsn", dsn});
        EXPECT_TRUE(told.starts_with("usage: --dsn: ")) << told;
        EXPECT_EQ(told.find("hush"), std::string::npos) << told;
    }
    EXPECT_EQ(mistake({"--dsn", "hots=x"}), "usage: --dsn: invalid connection option \"hots\"");
}

TEST_F(ConfigurationTest, HelpNamesEveryOption) {
    const std::string help = help_text();
    for (const OptionDescription& option : option_table())
        EXPECT_NE(help.find(std::string("\n  --") + option.name + " "), std::string::npos)
            << option.name;
    for (std::size_t begin = 0, end = 0; begin < help.size(); begin = end + 1) {
        end = help.find('\n', begin);
        EXPECT_LE(end - begin, 100U) << help.substr(begin, end - begin);
    }
}

TEST(ParseConfig, Lines) {
    const auto lines = parse_config("\n # comment\na=1\r\n  b  =  two words # three\n"
                                    "c = 'it''s # no comment' # but this\nd = x#y\ne = # none",
                                    "file");
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0].number, 3U);
    EXPECT_EQ(lines[0].name + "|" + lines[0].value, "a|1");
    EXPECT_EQ(lines[1].name + "|" + lines[1].value, "b|two words");
    EXPECT_EQ(lines[2].name + "|" + lines[2].value, "c|it's # no comment");
    EXPECT_EQ(lines[3].name + "|" + lines[3].value, "d|x#y");
    EXPECT_EQ(lines[4].name + "|" + lines[4].value, "e|");
    EXPECT_EQ(lines[4].number, 7U);
}

} // namespace
} // namespace dashboard_diff::listener
