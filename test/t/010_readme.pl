# The README's examples do what it says.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Spec;
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;
use DashboardTest::Page;

my $test = DashboardTest->new(bare => 1);

subtest 'an example that does something else is noticed' => sub {
    my $page = DashboardTest::Page->new(<<'PAGE');
## Right

```sql
CREATE TEMP TABLE kept AS SELECT 1 AS one;
```

<!-- first: CREATE TABLE brought (id text); -->
```sql
SELECT one, id FROM kept LEFT JOIN brought ON true;
SELECT validate_threshold('{}') IS NULL;
```

```
 one | id
-----+----
   1 |

ERROR:  invalid threshold
DETAIL:  at $: must have one operator
HINT:  Operators are AND, OR, NOT, top_n_reordering, top_n_moved, top_n_entered, top_n_left, rank_delta, value_delta_pct, value_delta, field_changed, set_added_min, set_removed_min, primary_metric_delta_pct, primary_metric_delta, metric_delta_pct, metric_delta.
```

<!-- is: SELECT '{"a": 1.0}'::jsonb -->
```json
{"a": 1}
```

<!-- not checked: the time of day -->
```sql
SELECT nonsense;
```
```
 12:00
```

## Wrong output

```sql
SELECT 1 AS one;
```
```
 one
-----
   2
```

<!-- is:
  SELECT '{"a": 2}'::jsonb
-->
```json
{"a": 1}
```

```sql
SELECT 1;
```
```
ERROR:  division by zero
```

```sql
SELECT 1
```

## An error that is not told

```sql
SELECT 1; SELECT 1 / 0; SELECT 2;
```

```sql
SELECT 1;
```

## No command

```sql
\nonsense
```

## Nothing of the chapters before

```sql
SELECT * FROM kept;
```
PAGE
    my @examples = $page->check($test->node);
    is_deeply(
        [ map { !defined $_->{problem} ? () : "$_->{line}: " . $_->{problem} =~ s/\n.*//sr }
              @examples ],
        [
            '38: printed:',
            '50: printed:',
            '54: printed:',
            '61: ends within a statement',
            '67: went wrong:',
            '71: was not reached; psql\'s last words:',
            '77: went wrong:',
            '83: went wrong:',
        ],
        'all that is wrong, and nothing else');
    is(scalar @examples, 11, 'what is not checked is not run');
    is($examples[3]{problem}, <<'SHOWN' =~ s/\n\z//r, 'both outputs are shown');
printed:
 one
-----
   1
the page says:
 one
-----
   2
SHOWN
    like($examples[4]{problem}, qr/^is \{\n +"a": 2\n/m, 'and what a document is');
    like($examples[7]{problem}, qr/^ERROR:  division by zero$/m, 'and what went wrong');
};

my $readme = File::Spec->catfile(dirname(__FILE__), '..', '..', 'README.md');
my %checked;
for my $example (DashboardTest::Page->new(slurp_file($readme))->check($test->node))
{
    my ($start) = $example->{text} =~ /(\S[^\n]*)/;
    ok(!defined $example->{problem}, "README.md, line $example->{line}: $start")
      or diag($example->{problem});
    ++$checked{ $example->{chapter} };
}
ok($checked{$_}, "\"$_\" has examples") for 'Five minutes', 'Reference';

$test->finish;
