#include "listener/secret_memory.h"

#include "listener/log.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dashboard_diff::listener {
namespace {

constexpr std::size_t slot_size = 32; // a key's
constexpr std::size_t slots_at_once = 128;

std::size_t whole_pages(std::size_t size) noexcept {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

void* map_pages(std::size_t size) {
    void* const pages = ::mmap(nullptr, whole_pages(size), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        throw std::bad_alloc();
    static bool said = false;
    if (::mlock(pages, whole_pages(size)) != 0 && !std::exchange(said, true))
        log(Level::warning, "keys_may_be_swapped",
            {{"reason", std::strerror(errno)},
             {"hint", "allow more locked memory (LimitMEMLOCK)"}});
    ::madvise(pages, whole_pages(size), MADV_DONTDUMP);
    ::madvise(pages, whole_pages(size), MADV_WIPEONFORK);
    return pages;
}

// Free slots of key size. Never destroyed: there are keys that live as long as the process.
std::vector<void*>& free_slots() {
    static auto* slots = new std::vector<void*>();
    return *slots;
}

void* take_slot() {
    std::vector<void*>& slots = free_slots();
    if (slots.empty()) {
        // Room for all slots that there are, so that to give one back needs no memory.
        static std::size_t all = 0;
        slots.reserve(all += slots_at_once);
        auto* pages = static_cast<char*>(map_pages(slots_at_once * slot_size));
        for (std::size_t i = slots_at_once; i-- > 0;)
            slots.push_back(pages + i * slot_size);
    }
    void* const slot = slots.back();
    slots.pop_back();
    return slot;
}

} // namespace

void* allocate_secret(std::size_t size) {
    return size <= slot_size ? take_slot() : map_pages(size);
}

void release_secret(void* memory, std::size_t size) noexcept {
    if (memory == nullptr)
        return;
    OPENSSL_cleanse(memory, size);
    if (size <= slot_size)
        free_slots().push_back(memory);
    else
        ::munmap(memory, whole_pages(size));
}

} // namespace dashboard_diff::listener
