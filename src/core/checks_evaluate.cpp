#include "core/checks_evaluate.h"

#include <algorithm>
#include <array>

#include "core/arithmetic.h"
#include "core/describe.h"
#include "core/operators.h"
#include "core/prose.h"
#include "core/row_table.h"
#include "core/snapshot_diff.h"

namespace dashboard_diff {

namespace {

constexpr std::size_t longest_failure = 1000;

struct Issue {
    Severity severity;
    std::pmr::string message;
    std::string location;
};

std::string_view name_of(Severity severity) {
    return severity == Severity::fail ? "FAIL" : severity == Severity::warn ? "WARN" : "UNKNOWN";
}

// The two largest units: "2 days 4 h", "3 h 12 min".
void write_duration(Prose& prose, std::uint64_t microseconds) {
    struct Unit {
        std::uint64_t seconds;
        std::string_view name;
    };
    constexpr std::array<Unit, 4> units{{{86400, " days"}, {3600, " h"}, {60, " min"}, {1, " s"}}};
    std::uint64_t rest = microseconds / 1'000'000;
    const auto first = std::find_if(units.begin(), units.end() - 1,
                                    [&](const Unit& unit) { return rest >= unit.seconds; });
    for (auto unit = first; unit != units.end() && unit < first + 2; ++unit) {
        const std::uint64_t n = rest / unit->seconds;
        rest %= unit->seconds;
        if (unit != first && n == 0)
            break;
        prose.words(unit == first ? "" : " ");
        prose.number(n);
        prose.words(n == 1 && unit == units.begin() ? " day" : unit->name);
    }
}

// "40 %": as many places as the share has, two fewer.
void write_percent(Prose& prose, const Decimal& share) {
    std::string digits = to_text(share);
    std::size_t point = std::min(digits.find('.'), digits.size());
    if (point < digits.size())
        digits.erase(point, 1);
    digits.resize(std::max(digits.size(), point + 2), '0');
    point += 2;
    const std::size_t first = std::min(digits.find_first_not_of('0'), point - 1);
    std::string text = digits.substr(first, point - first);
    const std::size_t last = digits.find_last_not_of('0');
    if (last != digits.npos && last >= point)
        text += "." + digits.substr(point, last + 1 - point);
    constexpr std::size_t longest = 40;
    prose.text(text, longest);
    prose.words(" %");
}

void write_rows(Prose& prose, std::uint64_t n) {
    prose.number(n);
    prose.words(n == 1 ? " row" : " rows");
}

// Calls visit(id, value) for each row; the value is absent where the row lacks the field.
template <typename Visit>
void for_each_value(const RowSource& source, std::string_view field, const Runtime& runtime,
                    Visit&& visit) {
    // The two fields that are looked up once for all rows alike are the id and what ranks.
    RankingRule fields_asked_for;
    fields_asked_for.id_field = source.ranking.id_field;
    fields_asked_for.rank_by = field;
    RowFields fields(fields_asked_for);
    Ticker ticker(runtime);
    for (RowCursor row(Container(source.rows.data), 0); !row.at_end(); row.advance()) {
        ticker.tick();
        if (!row.is_container() || !fields.enter(row.row()))
            throw_invalid_snapshot(source.place.document,
                                   source.place.row(row.place()) + ": must be an object");
        visit(fields.id(), fields.rank_value());
    }
}

class Examination {
public:
    Examination(const Checks& checks, const CheckedDashboard& dashboard, const Runtime& runtime)
        : checks_(checks), dashboard_(dashboard), runtime_(runtime), issues_(runtime.memory) {
        if (!dashboard.content.present())
            return;
        content_ = Snapshot::read(dashboard.content, "content");
        if (!dashboard.previous.present())
            return;
        const Snapshot previous = Snapshot::read(dashboard.previous, "previous");
        if (previous.ranking() == content_->ranking())
            previous_ = previous;
    }

    JsonbDatum run() {
        if (!content_)
            report(Severity::unknown, "$",
                   [](Prose& prose) { prose.words("the dashboard has no snapshot yet"); });
        for (std::size_t i = 0; i < checks_.all().size(); ++i)
            examine(checks_.all()[i], "$.checks[" + std::to_string(i) + "]");
        std::stable_sort(issues_.begin(), issues_.end(),
                         [](const Issue& a, const Issue& b) { return a.severity < b.severity; });
        return write();
    }

private:
    template <typename Words>
    void report(Severity severity, std::string location, Words&& words) {
        Prose prose(runtime_);
        words(prose);
        issues_.push_back({severity, prose.take(), std::move(location)});
    }

    void examine(const Check& check, const std::string& place) {
        if (check.kind == CheckKind::snapshot) { // the one that needs no snapshot
            examine_failure(check, place);
            return;
        }
        if (!content_)
            return;
        switch (check.kind) {
        case CheckKind::freshness:
            examine_age(check, place);
            break;
        case CheckKind::warn_when:
        case CheckKind::fail_when:
            examine_change(check, place);
            break;
        default:
            examine_rows(check, place);
        }
    }

    void examine_failure(const Check& check, const std::string& place) {
        if (dashboard_.failure)
            report(check.severity, place, [&](Prose& prose) {
                prose.words("the latest automatic snapshot failed: ");
                prose.text(*dashboard_.failure, longest_failure);
            });
    }

    void examine_age(const Check& check, const std::string& place) {
        if (!dashboard_.age)
            report(Severity::unknown, place,
                   [](Prose& prose) { prose.words("the age of the latest snapshot is unknown"); });
        else if (*dashboard_.age > check.longest_age)
            report(check.severity, place, [&](Prose& prose) {
                prose.words("the latest snapshot is ");
                write_duration(prose, static_cast<std::uint64_t>(*dashboard_.age));
                prose.words(" old, at most ");
                prose.value(check.limit);
                prose.words(" expected");
            });
    }

    Value find_data(const Value& name) const {
        const Value& data = content_->materialized_data();
        return data.present() ? find_member(data, name.text()) : Value{};
    }

    // Nothing where the snapshot has no row source of that name.
    std::optional<RowSource> find_source(const Value& name) const {
        if (!name.present())
            return content_->primary();
        const Value rows = find_data(name);
        if (!rows.is(Kind::array))
            return std::nullopt;
        return content_->source(name.text(), rows);
    }

    void report_missing(std::string_view what, const Value& name, const std::string& place) {
        report(Severity::unknown, place, [&](Prose& prose) {
            prose.words("the snapshot has no ");
            prose.words(what);
            prose.value(name);
        });
    }

    void examine_rows(const Check& check, const std::string& place) {
        const auto source = find_source(check.source);
        if (!source) {
            report_missing("row source ", check.source, place);
            return;
        }
        const std::string location =
            check.source.present() ? std::string(check.source.text()) : source->place.name();
        if (check.kind == CheckKind::null_fraction)
            examine_nulls(check, *source, location);
        else if (check.kind == CheckKind::range)
            examine_range(check, *source, location);
        else
            examine_count(check, *source, location);
    }

    void examine_count(const Check& check, const RowSource& source, const std::string& location) {
        const std::uint64_t rows = Container(source.rows.data).count();
        const bool least = check.kind == CheckKind::min_rows;
        if (least ? rows >= check.rows : rows <= check.rows)
            return;
        report(check.severity, location, [&](Prose& prose) {
            write_rows(prose, rows);
            prose.words(least ? ", at least " : ", at most ");
            prose.number(check.rows);
            prose.words(" expected");
        });
    }

    void examine_nulls(const Check& check, const RowSource& source, const std::string& location) {
        std::int64_t nulls = 0;
        for_each_value(source, check.on_field.text(), runtime_, [&](const Value&, const Value& v) {
            nulls += v.is(Kind::null) || !v.present() ? 1 : 0;
        });
        const std::int64_t rows = Container(source.rows.data).count();
        Number all(runtime_.memory);
        Number null_rows(runtime_.memory);
        assign(all, rows);
        assign(null_rows, nulls);
        // More than the fraction are null: those that are not do not reach the rest of 1.
        Number one(runtime_.memory);
        Number filled(runtime_.memory);
        Number rest(runtime_.memory);
        assign(one, 1);
        assign(filled, rows - nulls);
        subtract(one.view(), Decimal(check.limit), rest, runtime_);
        if (reaches_fraction(filled.view(), all.view(), rest.view(), runtime_))
            return;
        report(check.severity, location, [&](Prose& prose) {
            prose.value(check.on_field);
            prose.words(" is null in ");
            prose.number(static_cast<std::uint64_t>(nulls));
            prose.words(" of ");
            write_rows(prose, static_cast<std::uint64_t>(rows));
            prose.words(" (");
            Number share(runtime_.memory);
            ratio(null_rows.view(), all.view(), share, runtime_);
            if (share.view().zero())
                prose.words("less than 0.0001 %");
            else
                write_percent(prose, share.view());
            prose.words("), at most ");
            write_percent(prose, Decimal(check.limit));
        });
    }

    void examine_range(const Check& check, const RowSource& source, const std::string& location) {
        std::uint64_t outside = 0;
        Value first_id;
        Value first;
        for_each_value(source, check.on_field.text(), runtime_,
                       [&](const Value& id, const Value& v) {
                           if (!v.present() || v.is(Kind::null) || is_in_range(check, v))
                               return;
                           if (++outside > 1)
                               return;
                           first_id = id;
                           first = v;
                       });
        if (outside == 0)
            return;
        report(check.severity, location, [&](Prose& prose) {
            prose.value(check.on_field);
            prose.words(" of ");
            prose.value(first_id);
            prose.words(" is ");
            prose.words(first.is(Kind::string) ? "\"" : "");
            prose.value(first);
            prose.words(first.is(Kind::string) ? "\"" : "");
            write_bounds(prose, check, first);
            if (outside > 1) {
                prose.words("; ");
                write_rows(prose, outside);
                prose.words(" in all");
            }
        });
    }

    static bool is_in_range(const Check& check, const Value& v) {
        return is_number(v) &&
               (!check.smallest.present() || compare(Decimal(v), Decimal(check.smallest)) >= 0) &&
               (!check.largest.present() || compare(Decimal(v), Decimal(check.largest)) <= 0);
    }

    static void write_bounds(Prose& prose, const Check& check, const Value& v) {
        if (!is_number(v)) {
            prose.words(", which is no number");
        } else if (!check.largest.present()) {
            prose.words(", below ");
            prose.value(check.smallest);
        } else if (!check.smallest.present()) {
            prose.words(", above ");
            prose.value(check.largest);
        } else {
            prose.words(", outside ");
            prose.value(check.smallest);
            prose.words(" to ");
            prose.value(check.largest);
        }
    }

    void examine_change(const Check& check, const std::string& place) {
        if (!previous_) {
            ++not_judged_;
            return;
        }
        const Threshold& threshold = *check.threshold;
        // A diff says nothing of what a side lacks: rules about it would just not hold.
        for (const Rule& rule : threshold.rules()) {
            if (rule.source.present() && !find_source(rule.source)) {
                report_missing("row source ", rule.source, place);
                return;
            }
            if (rule.on_metric.present() && !is_number(find_data(rule.on_metric))) {
                report_missing("metric ", rule.on_metric, place);
                return;
            }
        }
        const Diff& diff = changes();
        switch (threshold.judge(diff, runtime_)) {
        case Truth::no:
            break;
        case Truth::yes:
            issues_.push_back({check.severity, describe(diff, &threshold, runtime_), place});
            break;
        case Truth::unknown:
            report(Severity::unknown, place, [](Prose& prose) {
                prose.words("the primary metric is missing in this snapshot or the one before it");
            });
        }
    }

    // Made once for all thresholds, with the largest top N that one of them looks at.
    const Diff& changes() {
        if (!changes_) {
            std::uint32_t top_n = 10;
            for (const Check& check : checks_.all())
                if (check.threshold)
                    top_n = std::max(top_n, check.threshold->required_top_n());
            changes_ = compare_snapshots(*previous_, *content_, top_n, runtime_);
        }
        return *changes_;
    }

    void write_summary(Prose& prose) const {
        if (!issues_.empty()) {
            prose.words(issues_.front().message);
            if (issues_.size() > 1) {
                prose.words(" and ");
                prose.number(issues_.size() - 1);
                prose.words(" more");
            }
            return;
        }
        const std::size_t passed = checks_.all().size() - not_judged_;
        prose.number(passed);
        prose.words(passed == 1 ? " check passed" : " checks passed");
        if (not_judged_ > 0) {
            prose.words(", ");
            prose.number(not_judged_);
            prose.words(" had no snapshot to compare with");
        }
    }

    JsonbDatum write() const {
        static constexpr ObjectKeys result_keys("issues", "status", "summary");
        static constexpr ObjectKeys issue_keys("message", "location", "severity");
        JsonbWriter writer(runtime_);
        writer.begin_object(result_keys);
        writer.begin_array(issues_.size());
        for (const Issue& issue : issues_) {
            writer.begin_object(issue_keys);
            writer.string(issue.message);
            writer.string(issue.location);
            writer.string(name_of(issue.severity));
            writer.end();
        }
        writer.end();
        writer.string(issues_.empty() ? "PASS" : name_of(issues_.front().severity));
        Prose summary(runtime_);
        write_summary(summary);
        writer.string(summary.take());
        writer.end();
        return writer.finish();
    }

    const Checks& checks_;
    const CheckedDashboard& dashboard_;
    const Runtime& runtime_;
    std::optional<Snapshot> content_;
    std::optional<Snapshot> previous_; // made in the same way
    std::optional<Diff> changes_;
    std::pmr::vector<Issue> issues_;
    std::size_t not_judged_ = 0;
};

} // namespace

JsonbDatum evaluate(const Checks& checks, const CheckedDashboard& dashboard,
                    const Runtime& runtime) {
    return Examination(checks, dashboard, runtime).run();
}

} // namespace dashboard_diff
