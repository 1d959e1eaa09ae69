#include "listener/options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dashboard_diff::listener {
namespace {

Options parse(std::vector<std::string> words) {
    words.insert(words.begin(), "dashboard_diff_listener");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    return parse_options(static_cast<int>(words.size()), argv.data());
}

std::string mistake(const std::vector<std::string>& words) {
    try {
        parse(words);
        return "";
    } catch (const UsageError& error) {
        return error.what();
    }
}

TEST(Options, Defaults) {
    const Options options = parse({});
    EXPECT_EQ(options.dsn, "");
    EXPECT_EQ(options.key_file, "");
    EXPECT_EQ(options.concurrency, 32U);
    EXPECT_EQ(options.poll, std::chrono::seconds(10));
    EXPECT_FALSE(options.once || options.allow_http || options.help || options.version);
    EXPECT_TRUE(options.allowed_networks.empty());
    EXPECT_FALSE(options.print_secret);
}

TEST(Options, All) {
    const Options options =
        parse({"--dsn", "dbname=bi host=db", "--key-file=/k", "--once", "--concurrency", "5",
               "--allow-network", "10.0.0.0/8", "--allow-network=fd00::/8", "--allow-http",
               "--poll=1", "--help", "--version"});
    EXPECT_EQ(options.dsn, "dbname=bi host=db");
    EXPECT_EQ(options.key_file, "/k");
    EXPECT_EQ(options.concurrency, 5U);
    EXPECT_EQ(options.poll, std::chrono::seconds(1));
    EXPECT_EQ(options.allowed_networks.size(), 2U);
    EXPECT_TRUE(options.once && options.allow_http && options.help && options.version);
    EXPECT_EQ(parse({"--print-secret", "12"}).print_secret, 12);
    EXPECT_EQ(parse({"--dsn", "bi"}).dsn, "bi");
}

TEST(Options, Mistakes) {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
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
             {"--print-secret", "0"},
             {"--print-secret", "99999999999999999999"},
             {"--once", "--print-secret", "1"},
         })
        EXPECT_NE(mistake(words), "") << words.at(0);
}

TEST(Options, MistakesNameTheOption) {
    EXPECT_EQ(mistake({"--concurrency", "0"}),
              "--concurrency: expected a whole number from 1 to 1000, got \"0\"");
    EXPECT_EQ(mistake({"--nonsense"}), "--nonsense: unknown option or a value it does not take");
    EXPECT_EQ(mistake({"--dsn"}), "--dsn: expected a value");
}

TEST(Options, HelpNamesEveryOption) {
    const std::string help = help_text();
    for (const char* name : {"--dsn", "--key-file", "--once", "--concurrency", "--allow-network",
                             "--allow-http", "--poll", "--print-secret", "--help", "--version"})
        EXPECT_NE(help.find(name), std::string::npos) << name;
}

} // namespace
} // namespace dashboard_diff::listener
