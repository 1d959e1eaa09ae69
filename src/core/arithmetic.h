#pragma once

// Exact arithmetic on decimals. Short numbers take a 128-bit path, any others one without a limit
// (long_arithmetic.h).

#include "core/decimal.h"
#include "core/number.h"
#include "core/runtime.h"

namespace dashboard_diff {

// after - before, shown with the longer scale of the two, as the server's numeric does.
// Throws numeric_out_of_range where the result has more digits than a numeric can hold.
void subtract(const Decimal& after, const Decimal& before, Number& out, const Runtime& runtime);

// delta / abs(base), rounded half away from zero to 6 places, trailing zeros trimmed.
// False where base is 0, or where the share has more digits than a numeric can hold.
bool ratio(const Decimal& delta, const Decimal& base, Number& out, const Runtime& runtime);

// Whether abs(delta) >= fraction * abs(base), exactly; `fraction` must not be negative.
bool reaches_fraction(const Decimal& delta, const Decimal& base, const Decimal& fraction,
                      const Runtime& runtime);

// Whether abs(after - before) >= limit, exactly; `limit` must not be negative.
bool differs_by(const Decimal& before, const Decimal& after, const Decimal& limit,
                const Runtime& runtime);

// Whether abs(after - before) >= fraction * abs(before), exactly; `fraction` must not be negative.
bool differs_by_fraction(const Decimal& before, const Decimal& after, const Decimal& fraction,
                         const Runtime& runtime);

// How abs(after - before) compares with that of another change, exactly.
int compare_differences(const Decimal& before, const Decimal& after, const Decimal& other_before,
                        const Decimal& other_after, const Runtime& runtime);

// How abs(after - before) / abs(before) compares with that of another change: exactly and without
// a division, but for numbers of hundreds of digits, whose shares are compared as ratio() rounds
// them. Neither may start from 0.
int compare_shares(const Decimal& before, const Decimal& after, const Decimal& other_before,
                   const Decimal& other_after, const Runtime& runtime);

} // namespace dashboard_diff
