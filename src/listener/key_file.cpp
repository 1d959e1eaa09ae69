#include "listener/key_file.h"

#include "listener/credentials_directory.h"
#include "listener/file_descriptor.h"
#include "listener/log.h"
#include "listener/secret_text.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

constexpr std::string_view temporary_infix = ".new.";

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
    SecretText text(64);
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size < 0)
        throw system_error("read key file", path);
    std::string_view content = text.view().substr(0, static_cast<std::size_t>(size));
    if (content.ends_with('\n'))
        content.remove_suffix(1);
    SecretKey key;
    const bool good = decode_key(content, key);
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

// Whatever lies around: two starts in a row may be of the same number.
std::string temporary_name(const std::string& path) {
    std::array<unsigned char, 8> random;
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        throw system_error("get random bytes for", path);
    return path + std::string(temporary_infix) + std::to_string(::getpid()) + "." + hex(random);
}

// The number of the process that made a temporary file of that key; 0: it is none.
pid_t maker_of(std::string_view name, std::string_view key_name) noexcept {
    if (!name.starts_with(key_name) || !name.substr(key_name.size()).starts_with(temporary_infix))
        return 0;
    name.remove_prefix(key_name.size() + temporary_infix.size());
    pid_t maker = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), maker);
    const bool whole = end == name.data() + name.size() || *end == '.';
    return error == std::errc() && whole && maker > 0 ? maker : 0;
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
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
    const std::string temporary_path = temporary_name(path);
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

// A crash leaves its temporary file, and in it a key. Another machine may be at one: such a file is
// young.
void remove_leftovers(const std::string& path, std::time_t now) noexcept {
    constexpr std::time_t old = 60; // s
    const std::size_t slash = path.rfind('/');
    const std::string_view key_name =
        std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(parent_of(path).c_str()));
    if (!directory)
        return;
    while (const dirent* entry = ::readdir(directory.get())) {
        const pid_t maker = maker_of(entry->d_name, key_name);
        struct stat attributes;
        if (maker == 0 ||
            ::fstatat(::dirfd(directory.get()), entry->d_name, &attributes, AT_SYMLINK_NOFOLLOW) !=
                0 ||
            attributes.st_ctime > now - old)
            continue;
        if (maker == ::getpid() || (::kill(maker, 0) != 0 && errno == ESRCH))
            ::unlinkat(::dirfd(directory.get()), entry->d_name, 0);
    }
}

SecretKey load_or_create_key(const std::string& path) {
    remove_leftovers(path, std::time(nullptr));
    if (auto key = read_key(path))
        return std::move(*key);
    create_key(path);
    if (auto key = read_key(path))
        return std::move(*key);
    throw unfit(path, "vanished while it was made");
}

} // namespace dashboard_diff::listener
