#include "core/row_matcher.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace dashboard_diff {

namespace {

// How many rows `before` is indexed ahead: as many can be removed in a row before one has to wait.
constexpr std::uint32_t rows_ahead = 32;

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
      waiting_(runtime.memory) {}

void RowMatcher::match() {
    const RankingRule& before_rule = before_.source().ranking;
    const RankingRule& after_rule = after_.source().ranking;
    const bool same_id_field = before_rule.id_field == after_rule.id_field;
    const bool same_rule = before_rule == after_rule;
    const bool ranked = after_rule.has_rank_by;
    if (before_rule.has_rank_by)
        before_.collect_rank_keys();
    if (ranked)
        after_.collect_rank_keys();

    Ticker ticker(runtime_);
    for (; !row_.at_end(); row_.advance()) {
        ticker.tick();
        if (!all_indexed() && before_.indexed() < guess_.place() + rows_ahead)
            before_.index_to(std::min(before_.size(), before_.indexed() + rows_ahead));
        if (!row_.is_container())
            refuse();
        if (!same_id_field || guess_.at_end() || !is_copy(guess_, row_)) {
            match_row();
            continue;
        }
        // Nothing needs to be read in a copy of a row that was read.
        if (same_rule && ranked) {
            after_.rank_keys()[row_.place()] = before_.rank_keys()[guess_.place()];
        } else if (ranked) {
            fields_.enter(row_.row());
            after_.rank_keys()[row_.place()] = fields_.rank_key();
        }
        pair(guess_.place(), row_.place());
        guess_.advance();
    }
    settle();
    list_removed();
}

void RowMatcher::match_row() {
    if (!fields_.enter(row_.row()) || !is_id(fields_.id()))
        refuse();
    if (!after_.rank_keys().empty())
        after_.rank_keys()[row_.place()] = fields_.rank_key();
    const Value id = fields_.id();
    if (guess_.at_end() || !equal_ids(before_.id_of(guess_.row()), id)) {
        const std::uint64_t hash = before_.hash(id);
        const std::uint32_t found = before_.find(id, hash);
        if (found == none) {
            if (waiting_.empty() && all_indexed())
                add(row_.place(), id, hash);
            else
                wait(row_.place(), none);
            return;
        }
        guess_.seek(found);
    }
    pair(guess_.place(), row_.place());
    if (waiting_.empty())
        compare(guess_, row_, id);
    else
        wait(row_.place(), guess_.place());
    guess_.advance();
}

void RowMatcher::pair(std::uint32_t before, std::uint32_t after) {
    if (to_after_[before] != none)
        refuse();
    to_after_[before] = after;
    ++matched_;
}

void RowMatcher::compare(const RowCursor& before, const RowCursor& after, const Value& id) {
    if (!is_copy(before, after))
        comparer_.compare(id, before.row(), after.row());
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
