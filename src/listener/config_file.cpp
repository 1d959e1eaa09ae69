#include "listener/config_file.h"

#include "listener/credentials_directory.h"
#include "listener/file_descriptor.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace dashboard_diff::listener {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";
constexpr std::size_t largest_file = 1 << 20;

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// What stands before a comment.
std::string_view without_comment(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '#' && (i == 0 || blanks.find(text[i - 1]) != std::string_view::npos))
            return text.substr(0, i);
    return text;
}

// Takes a value in quotes off the front of `text`.
std::string take_quoted(std::string_view& text) {
    std::string value;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] != '\'') {
            value += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == '\'') {
            value += '\'';
            ++i;
        } else {
            text.remove_prefix(i + 1);
            return value;
        }
    }
    throw std::invalid_argument("a quoted value does not end on its line");
}

std::string parse_value(std::string_view text) {
    if (!text.starts_with('\''))
        return std::string(trim(without_comment(text)));
    std::string value = take_quoted(text);
    if (!trim(without_comment(text)).empty())
        throw std::invalid_argument("something follows the quoted value");
    return value;
}

ConfigError system_error(const std::string& what, const std::string& path) {
    return ConfigError("could not " + what + " configuration file " + path + ": " +
                       std::strerror(errno));
}

} // namespace

std::vector<ConfigLine> parse_config(std::string_view text, const std::string& path) {
    std::vector<ConfigLine> lines;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#'))
            continue;
        const std::size_t equals = line.find('=');
        const std::string_view name = trim(line.substr(0, std::min(equals, line.size())));
        try {
            if (equals == std::string_view::npos || name.empty())
                throw std::invalid_argument("expected name = value");
            lines.push_back(
                {number, std::string(name), parse_value(trim(line.substr(equals + 1)))});
        } catch (const std::invalid_argument& error) {
            throw ConfigError(path + ":" + std::to_string(number) + ": " + error.what());
        }
    }
    return lines;
}

ConfigFile read_config_file(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        throw system_error("open", path);
    struct stat attributes;
    if (::fstat(file.get(), &attributes) != 0)
        throw system_error("examine", path);
    ConfigFile config{"", (attributes.st_mode & 044U) != 0 && !in_credentials_directory(path)};
    std::array<char, 8192> buffer;
    while (true) {
        const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            throw system_error("read", path);
        if (size == 0)
            return config;
        config.text.append(buffer.data(), static_cast<std::size_t>(size));
        if (config.text.size() > largest_file)
            throw ConfigError("configuration file " + path + " is larger than 1 MB");
    }
}

} // namespace dashboard_diff::listener
