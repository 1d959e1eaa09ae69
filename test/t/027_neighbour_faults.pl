# Subscribers that hang or fail while others are well: they delay nobody, they are left alone for a
# while, and once they are well they get everything.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;

my $test = DashboardTest->new(raw => 1, hosts => 3);
$test->start_receiver;

sub fault
{
    my ($name, $how, %options) = @_;
    return DashboardTest::Faults->new($test, fault => $name, how => $how, %options);
}

my $nobody_knows = 'a request without an answer may have been taken';

my $broken = fault('receiver fails for a while', '500 to its first 5 requests, then well',
    dashboard => 'broken', before => '/down/5');
my $endpoint = fault('an endpoint hangs', 'with 100 alerts due, until it is mended', host => 2,
    dashboard => 'endpoint', before => '/hang', may_repeat => $nobody_knows);
my $paths = fault('a host hangs', 'an alert due for each of 50 paths of it, until it is mended',
    host => 3, dashboard => 'paths', before => '/hang', subscribers => 50,
    may_repeat => $nobody_knows);
my $well = fault('neighbours hang, with all this due before', 'a hanging endpoint, a hanging host',
    dashboard => 'well');

subtest 'endpoints that hang delay no other' => sub {
    $endpoint->alerts(100);
    $paths->alerts(1);
    $well->alerts(20);
    my $listener = $test->start_listener('--poll', 3600);
    $well->settle;
    unlike($listener->log_text, qr/event=(?:failed|refused)/,
        'all arrive before the first hanging request has ended');
    is(scalar $endpoint->requests, 1, 'one request hangs at the endpoint');
    my $hanging = $paths->requests;
    cmp_ok($hanging, '<', 50, "the host is not asked for all at once, but for $hanging");
    is($listener->kill_at_once, 'signal 9', 'the listener is not needed');
    for my $fault ($endpoint, $paths)
    {
        $fault->repeats_at_most(scalar $fault->requests);
        $fault->mend($fault->url(''));
        $fault->over;
    }
};

subtest 'an endpoint that fails is left alone until it is time for a probe' => sub {
    $broken->alerts(30);
    my $listener = $test->start_listener('--poll', 3600);
    my @requests = $broken->settle;
    my @failed = grep { $_->{status} == 500 } @requests;
    is(@failed, 5, 'five attempts fail, and no more are made');
    my @at = map { DashboardTest::Faults::at($_) } @requests;
    # The listener's clock is not the receiver's.
    cmp_ok($at[5] - $at[4], '>', 4.5, 'until five seconds are over');
    # What failed is tried again by the schedule, when its own time has come.
    my %failed = map { $_->{id} => 1 } @failed;
    my @waited = map { $_->{body}{snapshot_b} } grep { !$failed{ $_->{id} } } @requests;
    is(@waited, 25, 'the others are tried once');
    is_deeply(\@waited, [ sort { $a <=> $b } @waited ], 'in their order');

    $_->settle for $endpoint, $paths;
    is($listener->stop, 0, 'the listener ends when told to');
};

$test->finish;
