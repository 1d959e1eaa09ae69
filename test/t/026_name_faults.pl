# Names that lead to where the listener must not go: by turns, or among others. An address that is
# permitted stands for a public one, as no test should talk to the world.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;
use DashboardTest::Faults;

my $test = DashboardTest->new(raw => 1, hosts => 2);
$test->start_receiver;

my ($inner, $permitted, $silent) = ('127.0.0.1', '127.0.0.2', '127.0.0.3');
my @flags = ('--allow-http', map { ('--allow-network' => $_) } $permitted, $silent);

my $dir = File::Spec->rel2abs($test->dir);
my $library = "$dir/scripted_names.so";
my $output = '';
IPC::Run::run(
    [ 'cc', '-shared', '-fPIC', '-Wall', '-Wextra', '-Werror', '-o' => $library,
        dirname(__FILE__) . '/scripted_names.c', '-ldl' ],
    '>&' => \$output)
  or die "cc: $output";
append_to_file("$dir/names", <<~"NAMES");
    rebinds.test $permitted $inner $permitted
    both.test $silent,$inner $inner,$silent $permitted
    first.test $inner,$permitted
    NAMES

# Each time another process, which has looked up nothing yet.
sub deliver
{
    local $ENV{LD_PRELOAD} = $library;
    local $ENV{NAMES_SCRIPT} = "$dir/names";
    local $ENV{NAMES_LOG} = "$dir/lookups";
    my ($status) = $test->run_program($test->listener_command('--once', @flags));
    is($status, 0, 'the listener ends well');
    return;
}

sub fault
{
    my ($name, $how, $dashboard) = @_;
    my ($port) = $test->url('') =~ /(\d+)$/;
    return DashboardTest::Faults->new(
        $test,
        fault => $name,
        how => $how,
        dashboard => $dashboard,
        url => "http://$dashboard.test:$port/$dashboard");
}

sub lookups
{
    my ($name) = @_;
    return scalar(() = slurp_file("$dir/lookups") =~ /^\Q$name\E$/mg);
}

subtest 'a name that leads inside at the second look-up' => sub {
    my $fault = fault('DNS answers public, then 127.0.0.1',
        'at the next look-up; then public again', 'rebinds');
    $fault->alerts(1);
    deliver();
    is($fault->deliveries('status'), 'delivered', 'where the name leads first is permitted');
    $fault->alerts(1);
    deliver();
    is(lookups('rebinds.test'), 2, 'the name is looked up again');
    is($fault->requests, 1, 'nothing arrives inside');
    is($test->sql("SELECT attempts || ' ' || last_error FROM dashboard_deliveries
                    WHERE status = 'pending'"),
        "1 address $inner is not public", 'it is a failed attempt');
    $fault->over;
    $fault->make_due;
    deliver();
    $fault->settle;
};

subtest 'a name that leads inside among others' => sub {
    my $fault = fault('DNS answers public and 127.0.0.1 at once',
        'the public address refuses connections; in either order; then public only', 'both');
    $fault->alerts(1);
    for my $attempt (1, 2)
    {
        deliver();
        is($fault->deliveries("status || ' ' || attempts"), "pending $attempt",
            'a failed attempt');
        is($fault->requests, 0, 'nothing arrives');
        $fault->make_due;
    }
    is(lookups('both.test'), 2, 'the name was looked up twice');
    $fault->over;
    deliver();
    $fault->settle;
};

subtest 'a name that leads inside first' => sub {
    my $fault = fault('DNS answers 127.0.0.1 and public at once',
        'the public address answers', 'first');
    $fault->alerts(1);
    deliver();
    $fault->settle;
};

is_deeply([ grep { $_->{to} ne $permitted } $test->requests ], [], 'nothing ever arrived inside');

$test->finish;
