# The README's examples do what it says.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Spec;
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;
use DashboardTest::Page;

my $test = DashboardTest->new(bare => 1, conf => "shared_preload_libraries = 'pg_stat_statements'\n");

subtest 'an example that does something else is noticed' => sub {
    my $page = DashboardTest::Page->new(<<'PAGE');
## Right

```sql
CREATE TEMP TABLE kept AS SELECT 1 AS one;
```

<!-- first: CREATE TABLE brought (id text); -->
```sql
SELECT one, id FROM kept LEFT JOIN brought ON true;
SELECT validate_threshold('5');
```

```
 one | id
-----+----
   1 |

ERROR:  invalid threshold
DETAIL:  at $: must be an object with one operator
```

<!-- is: SELECT '{"a": 1.0}'::jsonb -->
```json
{"a": 1}
```

```sql
SELECT to_jsonb(one) FROM kept;
```
```json
1
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
SELECT to_jsonb(1);
```

```json
2
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
        [
            map { !defined $_->{problem} ? () : "$_->{chapter}: " . $_->{problem} =~ s/\n.*//sr }
              @examples
        ],
        [
            'Wrong output: printed:',
            'Wrong output: printed:',
            'Wrong output: printed:',
            'Wrong output: printed:',
            'Wrong output: ends within a statement',
            'An error that is not told: went wrong:',
            q(An error that is not told: was not reached; psql's last words:),
            'No command: went wrong:',
            'Nothing of the chapters before: went wrong:',
        ],
        'all that is wrong is noticed, and nothing else');
    is(scalar @examples, 15, 'what is not checked is not run');
    my @wrong = grep { defined $_->{problem} } @examples;
    is($wrong[0]{line}, 44, 'it is told where it stands');
    is($wrong[0]{problem}, <<'SHOWN' =~ s/\n\z//r, 'both outputs are shown');
printed:
 one
-----
   1
the page says:
 one
-----
   2
SHOWN
    like($wrong[1]{problem}, qr/^is \{\n +"a": 2\n/m, 'and what a document is');
    like($wrong[5]{problem}, qr/^ERROR:  division by zero$/m, 'and what went wrong');
};

my $readme = File::Spec->catfile(dirname(__FILE__), '..', '..', 'README.md');
my %text;
for my $example (DashboardTest::Page->new(slurp_file($readme))->check($test->node))
{
    my ($start) = $example->{text} =~ /(\S[^\n]*)/;
    ok(!defined $example->{problem}, "README.md, line $example->{line}: $start")
      or diag($example->{problem});
    $text{ $example->{chapter} } .= $example->{text};
}
ok($text{$_}, "\"$_\" has examples") for 'Five minutes', 'Reference';

$test->sql('CREATE EXTENSION dashboard_diff');
my ($operators) = $test->sql_error(q(SELECT validate_threshold('{}'))) =~ /Operators are (.*)\./;
like($text{Reference}, qr/"$_"/, "the reference has an example of $_")
  for split /, /, $operators;

$test->finish;
