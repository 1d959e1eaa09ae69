#include "listener/signals.h"

#include <cerrno>
#include <csignal>
#include <system_error>

#include <sys/epoll.h>
#include <sys/signalfd.h>

namespace dashboard_diff::listener {

Signals::Signals(EventLoop& loop, std::function<void(int)> handler)
    : loop_(loop), handler_(std::move(handler)) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &mask, nullptr) != 0 || std::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        throw std::system_error(errno, std::generic_category(), "sigprocmask");
    fd_ = FileDescriptor(::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd_)
        throw std::system_error(errno, std::generic_category(), "signalfd");
    loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { read_all(); });
}

Signals::~Signals() {
    loop_.forget(fd_.get());
}

void Signals::read_all() {
    signalfd_siginfo info;
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        handler_(static_cast<int>(info.ssi_signo));
}

} // namespace dashboard_diff::listener
