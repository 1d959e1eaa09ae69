# The network between listener and server fails: it is cut and comes back, forgets connections
# without a word, or resets them.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;
use DashboardTest::Network;

# Three of everything: two wait for a listener to notice that nothing comes any more.
my @tests = map { DashboardTest->new(name => $_, raw => 1) } qw(main forgets cut);
$_->start_receiver for @tests;
my @networks = map { DashboardTest::Network->start($_) } @tests;
my @listeners = map { $_->start_listener } @tests;
my ($test, @others) = @tests;
my $network = $networks[0];

sub fault
{
    my ($on, $name, $how, $dashboard) = @_;
    return DashboardTest::Faults->new(
        $on,
        fault => $name,
        how => $how,
        dashboard => $dashboard,
        before => '/slow/0.05');
}

sub in_flight
{
    my ($fault) = @_;
    $fault->alerts(20);
    $fault->wait_for_requests(1);
    return;
}

my $forgets = fault($tests[1], 'network forgets connections',
    'they stay open and dead, as behind a firewall that lost its state; new ones pass',
    'forgets');
my $cut = fault($tests[2], 'network is cut until the listener has noticed',
    'nothing passes, not even new connections', 'cut');
in_flight($_) for $forgets, $cut;
$_->command('cut') for @networks[ 1, 2 ];
$networks[1]->command('forget');
$forgets->over;
$_->alerts(20) for $forgets, $cut;

subtest 'the network is cut for a moment' => sub {
    my $fault = fault($test, 'network is cut for a moment',
        'nothing passes for 3 s, then goes on', 'moment');
    in_flight($fault);
    $network->command('cut');
    $fault->alerts(20);
    Time::HiRes::sleep(3);    # how long the fault lasts
    $network->command('restore');
    $fault->over;
    $fault->settle;
};

subtest 'all connections are reset, again and again' => sub {
    my $fault = fault($test, 'network resets connections, again and again',
        'ten times, with requests in flight', 'resets');
    for (1 .. 10)
    {
        $fault->alerts(4);
        $network->command('reset');
    }
    $fault->over;
    $fault->settle;
};

subtest 'connections that stay open and dead are given up' => sub {
    $listeners[2]->wait_for_log(qr/event=database_unavailable/);
    $networks[2]->command('restore');
    $cut->over;
    $_->settle for $forgets, $cut;
};

for my $each (@listeners)
{
    ok($each->is_running, 'it is the same listener');
    is($each->stop, 0, 'it ends when told to');
}
is($_->stop, 0, 'the network lived to the end') for @networks;
is($_->{receiver}->stop, 0, 'the other receivers lived to the end') for @others;
$test->finish(map { $_->node } @others);
