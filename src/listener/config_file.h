#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dashboard_diff::listener {

// The configuration file or the environment is wrong; what() is one line that says where.
class ConfigError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct ConfigLine {
    unsigned number; // from 1
    std::string name;
    std::string value;
};

// Splits `name = value` lines. A # at the start of a word begins a comment. A value in single
// quotes may hold anything; two of them stand for one. `path` is for errors. Throws ConfigError.
std::vector<ConfigLine> parse_config(std::string_view text, const std::string& path);

struct ConfigFile {
    std::string text;
    bool read_by_others; // its mode lets group or others read it
};

// Throws ConfigError.
ConfigFile read_config_file(const std::string& path);

} // namespace dashboard_diff::listener
