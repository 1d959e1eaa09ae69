#pragma once

// The sentences that facts make. There are `count` of them, of which the first `known` can be told:
// rank(i), field(i) or id(i) is the one at place i.

#include <string_view>

#include "core/diff.h"
#include "core/prose.h"

namespace dashboard_diff {

class Sentences {
public:
    explicit Sentences(Prose& prose) : prose_(prose) {}

    // "3 of the top 10 changed place: TP53 4→1, BRCA1 new at 2, EGFR gone from 3"
    template <typename Rank>
    void reordering(std::size_t count, std::size_t top_n, std::size_t known, Rank&& rank) {
        // Newcomers and leavers count too, so that there may be more than N of them.
        ranks(count, count <= top_n ? " of the top " : " in or around the top ", top_n,
              " changed place", known, rank);
    }

    template <typename Rank>
    void ranks(std::size_t count, std::string_view words, std::size_t number,
               std::string_view more_words, std::size_t known, Rank&& rank) {
        prose_.number(count);
        prose_.words(words);
        prose_.number(number);
        prose_.words(more_words);
        if (known > 0)
            prose_.words(": ");
        prose_.list(count, known, [&](std::size_t i) {
            const RankChange& change = rank(i);
            prose_.value(change.id);
            if (change.from == 0) {
                prose_.words(" new at ");
                prose_.number(change.to);
            } else if (change.to == 0) {
                prose_.words(" gone from ");
                prose_.number(change.from);
            } else {
                prose_.words(" ");
                prose_.number(change.from);
                prose_.arrow();
                prose_.number(change.to);
            }
        });
    }

    // "composite_score of BRCA1 ", then what tell() says of the change, ...
    template <typename Field, typename Tell>
    void changes(std::size_t count, std::size_t known, Field&& field, Tell&& tell) {
        prose_.list(count, known, [&](std::size_t i) {
            const FieldChange& change = field(i);
            prose_.value(change.field);
            prose_.words(" of ");
            prose_.value(change.id);
            prose_.words(" ");
            tell(change);
        });
    }

    // "composite_score of BRCA1 +12.3 %"
    template <typename Field>
    void shares(std::size_t count, std::size_t known, Field&& field) {
        changes(count, known, field,
                [&](const FieldChange& c) { prose_.share(c.before, c.after); });
    }

    // "composite_score of BRCA1 0.8→0.9 (+12.5 %)"
    template <typename Field>
    void values(std::size_t count, std::size_t known, Field&& field) {
        changes(count, known, field,
                [&](const FieldChange& c) { prose_.step_and_share(c.before, c.after); });
    }

    // "status of BRCA1 open→done"
    template <typename Field>
    void fields(std::size_t count, std::size_t known, Field&& field) {
        changes(count, known, field, [&](const FieldChange& c) { prose_.step(c.before, c.after); });
    }

    template <typename Id>
    void ids(std::size_t count, std::string_view words, std::size_t known, Id&& id) {
        prose_.number(count);
        prose_.words(words);
        prose_.list(count, known, [&](std::size_t i) { prose_.value(id(i)); });
    }

    // "primary metric 100→150 (+50.0 %)"
    void primary_metric(const MetricChange& metric) {
        prose_.words("primary metric ");
        prose_.step_and_share(metric.before, metric.after);
    }

    // "users 100→150 (+50.0 %)"
    void metric(const MetricChange& metric) {
        prose_.value(metric.name);
        prose_.words(" ");
        prose_.step_and_share(metric.before, metric.after);
    }

private:
    Prose& prose_;
};

} // namespace dashboard_diff
