#include "listener/worker_name.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <sys/stat.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

std::string first_word(const char* path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

struct Process {
    std::string state;   // one letter; empty: not to be had
    std::string started; // in clock ticks since the boot
};

Process look_at(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(')'); // the name may hold anything
    if (name_end == std::string::npos)
        return {};
    std::istringstream fields(line.substr(name_end + 1));
    Process process;
    fields >> process.state;
    for (int i = 4; i <= 22; ++i) // as proc(5) counts
        fields >> process.started;
    return process;
}

// Machine, boot and process namespace: what a process's number is a number in.
std::string place() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0)
        host[0] = '?';
    struct stat space {};
    const bool known = ::stat("/proc/self/ns/pid", &space) == 0;
    return std::string(host.data()) + "/" + first_word("/proc/sys/kernel/random/boot_id") + "/" +
           (known ? std::to_string(space.st_ino) : "?") + "/";
}

} // namespace

std::string worker_name() {
    return place() + std::to_string(::getpid()) + "/" + look_at(::getpid()).started;
}

bool is_gone(std::string_view worker) {
    const std::string here = place();
    if (here.find("//") != std::string::npos || here.find('?') != std::string::npos ||
        !worker.starts_with(here))
        return false;
    const std::string_view process = worker.substr(here.size());
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(process.data(), process.data() + process.size(), pid);
    if (error != std::errc() || pid <= 0 || end == process.data() + process.size() || *end != '/')
        return false;
    if (::kill(pid, 0) != 0)
        return errno == ESRCH;
    const Process found = look_at(pid);
    const bool another =
        process.substr(static_cast<std::size_t>(end + 1 - process.data())) != found.started;
    return !found.state.empty() && (another || found.state == "Z");
}

} // namespace dashboard_diff::listener
