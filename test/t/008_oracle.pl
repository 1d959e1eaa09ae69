# The engine agrees with a second implementation, written plainly from the meaning of diffs and
# thresholds, on random pairs of documents.
#
# ORACLE_SEED and ORACLE_CASES choose which and how many; a case is shown by
#   node test/oracle/cases.mjs --seed SEED --first NUMBER --show

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $seed = $ENV{ORACLE_SEED} || 1;
my $cases = $ENV{ORACLE_CASES} || 200_000;
my $workers = 2;
my $chunk = 25_000;

my $oracle = File::Spec->rel2abs(File::Spec->catdir(dirname(__FILE__), '..', 'oracle'));
my $test = DashboardTest->new(conf => "fsync = off\njit = off\ntemp_buffers = '64MB'");
note "seed $seed, $cases cases";

# What a worker's session prints: a line a failure with its number, a line an operator with how
# often it was judged true and false, and a line with the number of cases checked and refused.
sub script
{
    my ($first, $count) = @_;
    my $script = "\\set ON_ERROR_STOP on\n\\i $oracle/check.sql\n"
      . "CREATE TEMP TABLE failures (number integer, size integer, wrong text);\n"
      . "CREATE TEMP TABLE judged (operator text, met text, times bigint);\n"
      . "CREATE TEMP TABLE checked (cases bigint, refused bigint);\n";
    for (my $from = $first; $from < $first + $count; $from += $chunk)
    {
        my $n = $first + $count - $from < $chunk ? $first + $count - $from : $chunk;
        $script .= "TRUNCATE oracle_cases;\n"
          . "\\copy oracle_cases FROM PROGRAM 'node $oracle/cases.mjs --seed $seed"
          . " --first $from --count $n'\n"
          . <<'SQL';
INSERT INTO failures
SELECT number, octet_length(before::text) + octet_length(after::text), wrong
  FROM oracle_cases c, LATERAL (SELECT pg_temp.wrong_case(c) AS wrong OFFSET 0) w
 WHERE wrong IS NOT NULL;
INSERT INTO judged
SELECT key, rule ->> 'met', count(*)
  FROM oracle_cases, jsonb_array_elements(rules) AS rule,
       jsonb_object_keys(rule -> 'threshold') AS key
 WHERE pg_temp.is_operator(key) AND rule ? 'met'
 GROUP BY 1, 2;
INSERT INTO checked SELECT count(*), count(coalesce(before_problem, after_problem)) FROM oracle_cases;
SQL
    }
    return $script . <<'SQL';
SELECT 'checked', sum(cases), sum(refused) FROM checked;
SELECT 'judged', operator, coalesce(met, 'unknown'), sum(times) FROM judged GROUP BY 2, 3;
SELECT 'failures', count(*) FROM failures;
SELECT 'failure', number, size, encode(convert_to(wrong, 'UTF8'), 'hex')
  FROM failures ORDER BY size, number LIMIT 1;
SQL
}

my @runs;
my $share = int($cases / $workers);
for my $worker (0 .. $workers - 1)
{
    my $count = $worker < $workers - 1 ? $share : $cases - $share * ($workers - 1);
    my ($script, $out, $err) = (script($worker * $share, $count), '', '');
    my $run = { out => \$out, err => \$err };
    $run->{handle} = IPC::Run::start(
        [ 'psql', '-XqAt', '-F', ' ', '-d', $test->dsn, '-f', '-' ],
        '<', \$script, '>', \$out, '2>', \$err);
    push @runs, $run;
}

my (%total, %judged, @failures);
for my $run (@runs)
{
    IPC::Run::finish($run->{handle});
    is(${ $run->{err} }, '', 'a session works its cases off');
    for (split /\n/, ${ $run->{out} })
    {
        my ($kind, @fields) = split / /;
        if ($kind eq 'checked') { $total{cases} += $fields[0]; $total{refused} += $fields[1] }
        elsif ($kind eq 'judged') { $judged{ $fields[0] }{ $fields[1] } += $fields[2] }
        elsif ($kind eq 'failures') { $total{failures} += $fields[0] }
        elsif ($kind eq 'failure') { push @failures, \@fields }
    }
}

is($total{cases}, $cases, 'every case was checked');
is($total{failures}, 0, 'the engine and the oracle agree');
if (@failures)
{
    my ($smallest) = sort { $a->[1] <=> $b->[1] } @failures;
    my ($number, undef, $wrong) = @$smallest;
    my $shown = `node $oracle/cases.mjs --seed $seed --first $number --show`;
    diag("seed $seed, case $number: ", pack('H*', $wrong), "\n$shown");
}

# The cases are worth something: all operators hold and do not hold, again and again.
cmp_ok($total{refused}, '>', $cases / 50, 'documents are refused');
for my $operator (sort keys %judged)
{
    my $times = $judged{$operator};
    note join ' ', $operator, map { "$_ " . ($times->{$_} // 0) } qw(true false unknown);
    my $least = $cases / 2_000;
    ok(($times->{true} // 0) > $least && ($times->{false} // 0) > $least,
        "$operator is judged both ways");
}

done_testing();
