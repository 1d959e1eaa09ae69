#pragma once

#include "listener/signature.h"

#include <ctime>
#include <stdexcept>
#include <string>

namespace dashboard_diff::listener {

// The key file is unfit or cannot be made; what() is one line that says what to do.
class KeyFileError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Reads the master key: a regular file of mode 0400, owned by us or by root, that holds
// 32 bytes as base64; in the service manager's directory of credentials, mode 0440 is as good.
// Makes it (and missing parent directories, mode 0700) where none exists.
// Throws KeyFileError.
SecretKey load_or_create_key(const std::string& path);

// Part of that: takes away the unfinished files of processes that are no more, a minute old.
void remove_leftovers(const std::string& path, std::time_t now) noexcept;

} // namespace dashboard_diff::listener
