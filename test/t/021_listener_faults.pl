# Listeners that are killed, stopped or cut off from the server at the worst moment.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;

my $test = DashboardTest->new(raw => 1, hosts => 6);
$test->start_receiver;

my $not_marked = 'the receiver has it and the database does not know yet';
my $sessions = "FROM pg_stat_activity WHERE application_name = 'dashboard_diff_listener'";

sub fault
{
    my ($name, $how, %options) = @_;
    return DashboardTest::Faults->new($test, fault => $name, how => $how, %options);
}

subtest 'alerts that are written while the listener is cut off' => sub {
    my $fault = fault('listener is cut off, again and again',
        'its session is terminated 20 times, with alerts before and after', dashboard => 'cut');
    # Only what it does of itself counts: no poll helps.
    my $listener = $test->start_listener('--poll', 3600);
    my $cuts = 0;
    for (1 .. 20)
    {
        $test->wait_for_sql("SELECT count(*) $sessions", 1);
        $fault->alerts(2);
        $cuts += $test->sql("SELECT count(pg_terminate_backend(pid)) $sessions");
        $fault->alerts(2);
    }
    $fault->over;
    cmp_ok($cuts, '>=', 15, 'it was cut off again and again');
    $fault->settle;
    ok($listener->is_running, 'by the same listener');
    is($listener->stop, 0, 'which ends when told to');
};

subtest 'alerts that are written between LISTEN and the first read' => sub {
    my $fault = fault('alerts between LISTEN and the first read',
        'committed while the first claim waits for a lock', dashboard => 'gap', host => 2);
    my $session = $test->session;
    $session->query_safe('BEGIN; LOCK TABLE dashboard_deliveries IN SHARE MODE');
    my $listener = $test->start_listener('--poll', 3600);
    $test->wait_for_sql("SELECT count(*) $sessions AND wait_event_type = 'Lock'", 1);
    $fault->confirm($session->query_safe($fault->alerts_sql(5)));
    $session->query_safe('COMMIT');
    $session->quit;
    $fault->over;
    $fault->settle;
    is($listener->stop, 0, 'the listener ends when told to');
};

# From here on nothing arrives before leases are over: all wait for them together.

my $killed_often = fault('listeners are SIGKILLed, again and again',
    '10 listeners, each in the midst of its deliveries',
    dashboard => 'killed-often', before => '/slow/0.05', host => 3, may_repeat => $not_marked);
subtest 'listeners that are killed again and again' => sub {
    for my $round (1 .. 10)
    {
        $killed_often->alerts(20);
        my $listener = $test->start_listener('--concurrency', 4);
        # Each time at another place. What is leased to those before it may be all there is.
        my $seen = $killed_often->requests;
        wait_for(sub { $killed_often->requests > $seen + $round % 4 }, 'its requests');
        is($listener->kill_at_once, 'signal 9', "$round: killed");
    }
    $killed_often->over;
};

my $killed = fault('listener is SIGKILLed between POST and mark',
    'while the receiver holds back its answer', dashboard => 'killed',
    before => '/hang', host => 4, may_repeat => $not_marked);
subtest 'a listener that is killed between the request and the mark' => sub {
    my $listener = $test->start_listener;
    $killed->alerts(3);
    $killed->wait_for_requests(1);
    is($listener->kill_at_once, 'signal 9', 'it is killed');
    $killed->mend($killed->url(''));
    $killed->over;
};

my $stopped = fault('listener is SIGSTOPped for longer than its lease',
    'with a request in flight, while another listener runs', dashboard => 'stopped',
    before => '/hang', host => 5, may_repeat => $not_marked);
subtest 'a listener that is stopped for longer than its lease' => sub {
    my $sleeper = $test->start_listener;
    $stopped->alerts(3);
    $stopped->wait_for_requests(1);
    $sleeper->signal('STOP');
    $stopped->mend($stopped->url(''));
    $stopped->over;
    my $other = $test->start_listener('--poll', 1);
    $stopped->settle;
    $sleeper->signal('CONT');
    # It learns that what it held was taken from it, and goes on.
    my $after = fault('alerts while a stopped listener comes back',
        'SIGCONT after its leases were taken over', dashboard => 'woken', host => 6);
    $after->over;
    $after->alerts(20);
    $after->settle;
    is($stopped->deliveries('status'), 'delivered', 'what it had not marked stays delivered');
    is($sleeper->stop, 0, 'the one that was stopped ends when told to');
    $killed->settle;
    $killed_often->settle;
    is($other->stop, 0, 'so does the other');
};

is($test->sql('SELECT count(*) FROM dashboard_deliveries WHERE leased_by IS NOT NULL'),
    0, 'no lease is left');
$test->finish;
