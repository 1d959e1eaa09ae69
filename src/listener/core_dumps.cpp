#include "listener/core_dumps.h"

#include "listener/log.h"

#include <cerrno>
#include <cstring>

#include <sys/prctl.h>
#include <sys/resource.h>

namespace dashboard_diff::listener {

void forbid_core_dumps() noexcept {
    const rlimit none{0, 0};
    // The limit is inherited; the other also keeps a core_pattern with a pipe, and debuggers, away.
    if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log(Level::warning, "core_dumps_possible", {{"reason", std::strerror(errno)}});
}

} // namespace dashboard_diff::listener
