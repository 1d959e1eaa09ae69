#include "listener/key_file.h"

#include "listener/credentials_directory.h"
#include "listener/file_descriptor.h"
#include "listener/log.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

KeyFileError system_error(const std::string& what, const std::string& path) {
    return KeyFileError("could not " + what + " \"" + path + "\": " + std::strerror(errno));
}

KeyFileError unfit(const std::string& path, const std::string& why) {
    return KeyFileError("key file \"" + path + "\" " + why);
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

void make_directories(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST)
        return;
    if (errno != ENOENT || parent_of(path) == path)
        throw system_error("make directory", path);
    make_directories(parent_of(path));
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        throw system_error("make directory", path);
}

void check_attributes(const FileDescriptor& file, const std::string& path) {
    struct stat attributes;
    if (::fstat(file.get(), &attributes) != 0)
        throw system_error("examine key file", path);
    if (!S_ISREG(attributes.st_mode))
        throw unfit(path, "is not a regular file: name another one with --key-file");
    if (attributes.st_uid != ::geteuid() && attributes.st_uid != 0)
        throw unfit(path, "belongs to another user: give it to the user who runs the listener");
    const unsigned mode = attributes.st_mode & 07777U;
    if (mode != 0400 && !(mode == 0440 && in_credentials_directory(path))) {
        std::array<char, 8> octal;
        std::snprintf(octal.data(), octal.size(), "%04o", mode);
        throw unfit(path, std::string("has mode ") + octal.data() +
                              ", expected 0400: run chmod 0400 on it");
    }
}

// nullopt if there is no such file.
std::optional<SecretKey> read_key(const std::string& path) {
    // O_NONBLOCK: a FIFO of that name must not hold us.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) {
        if (errno == ENOENT)
            return std::nullopt;
        throw system_error("open key file", path);
    }
    check_attributes(file, path);
    std::array<char, 64> text;
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size < 0)
        throw system_error("read key file", path);
    std::string_view content(text.data(), static_cast<std::size_t>(size));
    if (content.ends_with('\n'))
        content.remove_suffix(1);
    SecretKey key;
    const bool good = decode_key(content, key);
    OPENSSL_cleanse(text.data(), text.size());
    if (!good) {
        throw unfit(path, "does not hold 32 bytes as base64: restore it from a backup, or remove "
                          "it to have a new one made (receivers then need new secrets)");
    }
    return key;
}

void write_all(const FileDescriptor& file, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written < 0 && errno != EINTR)
            throw system_error("write", path);
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

// A file that goes away with its scope; what it held lives on under the name linked to it.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& path)
        : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400)) {
        if (!file_)
            throw system_error("make key file", path);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { ::unlink(path_.c_str()); }

    const FileDescriptor& file() const noexcept { return file_; }

private:
    std::string path_;
    FileDescriptor file_;
};

void create_key(const std::string& path) {
    SecretKey key;
    if (::getrandom(key.writable().data(), SecretKey::key_size, 0) !=
        static_cast<ssize_t>(SecretKey::key_size))
        throw system_error("get random bytes for", path);
    std::string text = base64(key.bytes()) + "\n";
    const std::string directory = parent_of(path);
    make_directories(directory);

    // Complete before it has its name: nobody ever reads half a key, not even after a crash.
    const std::string temporary_path = path + ".new." + std::to_string(::getpid());
    const TemporaryFile temporary(temporary_path);
    if (::fchmod(temporary.file().get(), 0400) != 0)
        throw system_error("set the mode of", temporary_path);
    write_all(temporary.file(), text, temporary_path);
    OPENSSL_cleanse(text.data(), text.size());
    if (::fsync(temporary.file().get()) != 0)
        throw system_error("fsync", temporary_path);
    if (::link(temporary_path.c_str(), path.c_str()) != 0) {
        if (errno == EEXIST)
            return; // another listener was faster: its key counts
        throw system_error("make key file", path);
    }
    const FileDescriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0)
        throw system_error("fsync directory", directory);
    log(Level::info, "key_created", {{"path", path}});
}

} // namespace

SecretKey load_or_create_key(const std::string& path) {
    if (auto key = read_key(path))
        return std::move(*key);
    create_key(path);
    if (auto key = read_key(path))
        return std::move(*key);
    throw unfit(path, "vanished while it was made");
}

} // namespace dashboard_diff::listener
