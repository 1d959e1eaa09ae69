#pragma once

// The arithmetic of arithmetic.h for numbers of any length: schoolbook methods on base-10000
// digits, polling for interrupts, since a numeric may have 147,455 decimal digits.

#include "core/decimal.h"
#include "core/number.h"
#include "core/runtime.h"

namespace dashboard_diff {

void subtract_long(const Decimal& after, const Decimal& before, int fraction_groups, int scale,
                   Number& out, const Runtime& runtime);
bool ratio_long(const Decimal& delta, const Decimal& base, int fraction_groups, Number& out,
                const Runtime& runtime);
bool reaches_fraction_long(const Decimal& delta, const Decimal& base, const Decimal& fraction,
                           int fraction_groups, const Runtime& runtime);
int compare_shares_long(const Decimal& delta, const Decimal& base, const Decimal& other_delta,
                        const Decimal& other_base, const Runtime& runtime);

} // namespace dashboard_diff
