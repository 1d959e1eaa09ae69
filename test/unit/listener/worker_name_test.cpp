#include "listener/worker_name.h"

#include <gtest/gtest.h>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

// The name of a process that waits until it is killed.
class OtherProcess {
public:
    OtherProcess() {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            const std::string name = worker_name();
            const auto written = ::write(ends[1], name.data(), name.size());
            ::close(ends[1]);
            while (written > 0)
                ::pause();
            ::_exit(1);
        }
        ::close(ends[1]);
        char buffer[1000];
        for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
            name_.append(buffer, static_cast<std::size_t>(n));
            if (name_.find('/') != std::string::npos)
                break;
        }
        ::close(ends[0]);
    }
    ~OtherProcess() { reap(); }

    void kill() const {
        ::kill(pid_, SIGKILL);
        siginfo_t info;
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
    }
    void reap() {
        if (std::exchange(reaped_, true))
            return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    const std::string& name() const { return name_; }

private:
    pid_t pid_;
    bool reaped_ = false;
    std::string name_;
};

TEST(WorkerName, WhoLivesIsNotGone) {
    EXPECT_FALSE(is_gone(worker_name()));
    const OtherProcess other;
    EXPECT_NE(other.name(), worker_name());
    EXPECT_FALSE(is_gone(other.name()));
}

TEST(WorkerName, WhoWasKilledIsGone) {
    OtherProcess other;
    other.kill();
    EXPECT_TRUE(is_gone(other.name())) << "not yet waited for by its parent";
    other.reap();
    EXPECT_TRUE(is_gone(other.name()));
}

TEST(WorkerName, AnotherProcessOfTheSameNumberIsAnother) {
    std::string earlier = worker_name();
    earlier.erase(earlier.rfind('/') + 1);
    EXPECT_TRUE(is_gone(earlier + "1"));
}

TEST(WorkerName, OfAnotherMachineNothingIsKnown) {
    EXPECT_FALSE(is_gone("elsewhere/" + worker_name()));
    EXPECT_FALSE(is_gone(""));
    const std::string name = worker_name();
    EXPECT_FALSE(is_gone(name.substr(0, name.rfind('/'))));
    EXPECT_FALSE(is_gone("w1"));
}

} // namespace
} // namespace dashboard_diff::listener
