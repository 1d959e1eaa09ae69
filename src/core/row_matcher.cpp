#include "core/row_matcher.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace dashboard_diff {

namespace {

// How many rows `before` is indexed ahead: as many can be removed in a row before one has to wait.
constexpr std::uint32_t rows_ahead = 32;

// After so many wrong guesses in a row they are not tried.
constexpr std::uint32_t many_jumps = 4;

// How many rows are compared, or looked up, at once.
constexpr std::uint32_t longest_run = 16;

// So many rows may wait before `before` is indexed to its end: rows that keep waiting are in
// another order, and would all be read twice.
constexpr std::size_t may_wait(std::uint32_t rows_seen) {
    return 64 + rows_seen / 8;
}

bool is_copy(const RowCursor& before, const RowCursor& after) noexcept {
    return before.length() == after.length() &&
           std::memcmp(before.row(), after.row(), after.length()) == 0;
}

} // namespace

RowMatcher::RowMatcher(RowTable& before, RowTable& after, SourceDiff& out, const Runtime& runtime)
    : before_(before),
      after_(after),
      out_(out),
      runtime_(runtime),
      comparer_(out, runtime),
      fields_(after.source().ranking),
      guess_(before.cursor()),
      row_(after.cursor()),
      to_after_(before.size(), none, runtime.memory),
      waiting_(runtime.memory),
      same_id_field_(before.source().ranking.id_field == after.source().ranking.id_field),
      same_rule_(before.source().ranking == after.source().ranking) {}

void RowMatcher::match() {
    if (before_.source().ranking.has_rank_by)
        before_.collect_rank_keys();
    if (after_.source().ranking.has_rank_by)
        after_.collect_rank_keys();
    Ticker ticker(runtime_);
    while (!row_.at_end()) {
        ticker.tick();
        if (!all_indexed() && before_.indexed() < guess_.place() + rows_ahead)
            before_.index_to(std::min(before_.size(), before_.indexed() + rows_ahead), row_.row());
        if (jumps_ >= many_jumps && all_indexed())
            match_scattered();
        else if (row_.place() < run_end_ || !match_run())
            match_row();
    }
    settle();
    list_removed();
}

// Matches the next rows if they are copies of the rows guessed, all of them compared at once: one
// long comparison keeps the memory busy as many short ones do not.
bool RowMatcher::match_run() {
    if (!same_id_field_ || guess_.at_end())
        return false;
    RowCursor before = guess_;
    RowCursor after = row_;
    const std::uint32_t most = std::min({row_.place() + longest_run, after_.size(),
                                         row_.place() + (before_.indexed() - guess_.place())});
    std::uint32_t size = 0;
    // Rows of one length after another lie at one distance: they start at 4-byte boundaries.
    while (after.place() < most && after.is_container() && before.length() == after.length()) {
        size = static_cast<std::uint32_t>(after.row() - row_.row()) + after.length();
        before.advance();
        after.advance();
    }
    if (size == 0 || std::memcmp(guess_.row(), row_.row(), size) != 0) {
        run_end_ = after.place(); // so many rows are tried one by one
        return false;
    }
    take_copies(before, after);
    return true;
}

// All rows from the ones at hand up to these are copies: nothing needs to be read in them.
void RowMatcher::take_copies(const RowCursor& before_end, const RowCursor& after_end) {
    std::uint32_t b = guess_.place();
    for (std::uint32_t a = row_.place(); a < after_end.place(); ++a)
        pair(b++, a);
    if (same_rule_ && !after_.rank_keys().empty())
        std::copy_n(before_.rank_keys().begin() + guess_.place(), b - guess_.place(),
                    after_.rank_keys().begin() + row_.place());
    else if (!after_.rank_keys().empty())
        for (; row_.place() < after_end.place(); row_.advance()) {
            fields_.enter(row_.row());
            after_.rank_keys()[row_.place()] = fields_.rank_key();
        }
    guess_ = before_end;
    row_ = after_end;
}

// Rows that come in another order: each takes a slot and a row that are not in the cache. They are
// looked up a few at a time, so that all of those are loaded at once.
void RowMatcher::match_scattered() {
    std::array<std::uint64_t, longest_run> hashes;
    std::array<std::optional<RowCursor>, longest_run> candidates;
    std::size_t count = 0;
    for (RowCursor row = row_; count < hashes.size() && !row.at_end(); row.advance(), ++count) {
        if (!row.is_container() || !fields_.enter(row.row()) || !is_id(fields_.id()))
            break; // refused when its turn comes
        hashes[count] = before_.hash(fields_.id());
        before_.prefetch(hashes[count]);
    }
    for (std::size_t i = 0; i < count; ++i) {
        candidates[i] = before_.candidate(hashes[i]);
        if (candidates[i])
            candidates[i]->prefetch();
    }
    if (count == 0)
        match_row();
    for (std::size_t i = 0; i < count; ++i)
        match_row(candidates[i] ? &*candidates[i] : nullptr);
}

// `candidate` is the likeliest row of `before`, if it is known.
void RowMatcher::match_row(const RowCursor* candidate) {
    const std::uint32_t place = row_.place();
    if (!row_.is_container() || !fields_.enter(row_.row()) || !is_id(fields_.id()))
        refuse();
    if (!after_.rank_keys().empty())
        after_.rank_keys()[place] = fields_.rank_key();
    const Value id = fields_.id();
    if (candidate == nullptr && !guess_.at_end())
        candidate = &guess_;
    RowCursor found = guess_;
    if (candidate != nullptr && equal_ids(before_.id_of(candidate->row()), id)) {
        found = *candidate;
    } else {
        const std::uint64_t hash = before_.hash(id);
        const std::uint32_t b = before_.find(id, hash);
        if (b == none) {
            row_.advance();
            if (waiting_.empty() && all_indexed())
                add(place, id, hash);
            else
                wait(place, none);
            return;
        }
        found.seek(b);
    }
    jumps_ = found.place() == guess_.place() ? 0 : jumps_ + 1;
    guess_ = found;
    pair(guess_.place(), place);
    if (waiting_.empty())
        compare(guess_, row_, id);
    else
        wait(place, guess_.place());
    guess_.advance();
    row_.advance();
}

void RowMatcher::pair(std::uint32_t before, std::uint32_t after) {
    if (to_after_[before] != none)
        refuse();
    to_after_[before] = after;
    ++matched_;
}

void RowMatcher::compare(const RowCursor& before, const RowCursor& after, const Value& id) {
    if (!is_copy(before, after))
        comparer_.compare(id, before.row(), before_.layout_of(before.row()), after.row(),
                          fields_.layout());
}

void RowMatcher::wait(std::uint32_t after, std::uint32_t before) {
    waiting_.push_back({after, before});
    if (all_indexed() || waiting_.size() > may_wait(after))
        settle();
}

// Deals with the rows that wait, in the order of `after`, in which the diff lists changes.
void RowMatcher::settle() {
    before_.index();
    Ticker ticker(runtime_);
    for (auto [place, before] : waiting_) {
        ticker.tick();
        const RowCursor row = after_.cursor(place);
        fields_.enter(row.row());
        const Value id = fields_.id();
        if (before == none) {
            const std::uint64_t hash = before_.hash(id);
            before = before_.find(id, hash);
            if (before == none) {
                add(place, id, hash);
                continue;
            }
            pair(before, place);
        }
        compare(before_.cursor(before), row, id);
    }
    waiting_.clear();
}

void RowMatcher::add(std::uint32_t after, const Value& id, std::uint64_t hash) {
    if (!added_) // whatever is not matched yet may be another
        added_.emplace(after_.size() - matched_, after_.size(), runtime_.memory);
    const std::uint32_t same = added_->find_or_insert(
        hash, after, [&](std::uint32_t other) { return equal_ids(after_.id(other), id); });
    if (same != none)
        refuse();
    out_.added.push_back(id);
}

void RowMatcher::list_removed() {
    if (matched_ == before_.size())
        return;
    out_.removed.reserve(before_.size() - matched_);
    Ticker ticker(runtime_);
    for (std::uint32_t b = 0; b < before_.size(); ++b) {
        ticker.tick();
        if (to_after_[b] == none)
            out_.removed.push_back(before_.id(b));
    }
}

// What is not valid is only noticed while rows are matched, in no certain order. Which row is to
// blame is found by going through both sides from first to last.
void RowMatcher::refuse() {
    before_.index();
    RowTable(after_.source(), runtime_).index();
    throw std::logic_error("rows were refused that are valid");
}

std::uint32_t RowMatcher::in_before(std::uint32_t after) {
    const Value id = after_.id(after);
    return before_.find(id, before_.hash(id));
}

} // namespace dashboard_diff
