# The network between listener and server fails: it is cut and comes back, forgets connections
# without a word, or resets them.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;
use DashboardTest::Network;

# Two of everything: both wait for a listener to notice that nothing comes any more.
my ($test, $other) = map { DashboardTest->new(name => $_, raw => 1) } 'main', 'other';
$_->start_receiver for $test, $other;
my ($network, $other_network) = map { DashboardTest::Network->start($_) } $test, $other;
my ($listener, $other_listener) = map { $_->start_listener } $test, $other;

sub fault
{
    my ($on, $name, $how, $dashboard) = @_;
    return DashboardTest::Faults->new(
        $on,
        fault => $name,
        how => $how,
        dashboard => $dashboard,
        before => '/slow/0.1');
}

sub in_flight
{
    my ($fault) = @_;
    $fault->alerts(20);
    $fault->wait_for_requests(1);
    return;
}

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

my $forgets = fault($test, 'network forgets connections',
    'they stay open and dead, as behind a firewall that lost its state; new ones pass',
    'forgets');
my $cut = fault($other, 'network is cut until the listener has noticed',
    'nothing passes, not even new connections', 'cut');

subtest 'the network is cut, and what was connected stays dead' => sub {
    in_flight($_) for $forgets, $cut;
    $network->command('cut');
    $network->command('forget');
    $forgets->over;
    $forgets->alerts(20);
    $other_network->command('cut');
    $cut->alerts(20);
    my $lost = () = $other_listener->log_text =~ /event=database_unavailable/g;
    wait_for(
        sub { $lost < (() = $other_listener->log_text =~ /event=database_unavailable/g) },
        'the listener to notice');
    $other_network->command('restore');
    $cut->over;
    $forgets->settle;
    $cut->settle;
};

for my $each ($listener, $other_listener)
{
    ok($each->is_running, 'it is the same listener');
    is($each->stop, 0, 'it ends when told to');
}
is($_->stop, 0, 'the network lived to the end') for $network, $other_network;
is($other->{receiver}->stop, 0, 'the other receiver lived to the end');
$test->finish($other->node);
