#pragma once

#include <cstdlib>
#include <string>

namespace dashboard_diff::listener {

// The file was put there for this process by its service manager (LoadCredential=). Only root and
// the service can read it, whatever its mode looks like: where the manager lets the service in by
// an access control list, the mode shows the list's mask in place of the group's bits.
inline bool in_credentials_directory(const std::string& path) {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    return directory != nullptr && *directory == '/' &&
           path.substr(0, path.rfind('/')) == directory;
}

} // namespace dashboard_diff::listener
