# Listeners that are killed, stopped or cut off from the server at the worst moment.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;

my $test = DashboardTest->new(raw => 1, hosts => 7);
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
    $session->query_safe('BEGIN; LOCK TABLE dashboard_deliveries');
    my $listener = $test->start_listener('--poll', 3600);
    $test->wait_for_sql("SELECT count(*) $sessions AND wait_event_type = 'Lock'", 1);
    $fault->confirm($session->query_safe($fault->alerts_sql(5)));
    $session->query_safe('COMMIT');
    $session->quit;
    $fault->over;
    $fault->settle;
    is($listener->stop, 0, 'the listener ends when told to');
};

subtest 'listeners that are killed again and again' => sub {
    my $rounds = 10;
    my $fault = fault('listeners are SIGKILLed, again and again',
        "$rounds listeners, each in the midst of its deliveries; the next one takes back",
        dashboard => 'killed-often', before => '/slow/0.05', host => 3, may_repeat => $not_marked);
    # Of each listener the request in flight, and the one before it, whose mark is on its way.
    $fault->repeats_at_most(2 * $rounds);
    my $listener;
    for my $round (1 .. $rounds)
    {
        $fault->alerts(8);
        $listener = $test->start_listener;
        # Each time at another place. What the one before it held is all there may be.
        my $seen = $fault->requests;
        $fault->wait_for_requests($seen + 1 + $round % 4);
        is($listener->kill_at_once, 'signal 9', "$round: killed");
    }
    $fault->over;
    my $last = $test->start_listener('--poll', 3600);
    $fault->settle;
    like($last->log_text, qr/event=taken_back/, 'the last one took back what was left');
    is($last->stop, 0, 'it ends when told to');
};

subtest 'a listener that is killed between the request and the mark' => sub {
    my $fault = fault('listener is SIGKILLed between POST and mark',
        'while the receiver holds back its answer; the next one takes back', dashboard => 'killed',
        before => '/hang', host => 4, at_most => 1, may_repeat => $not_marked);
    my $listener = $test->start_listener;
    $fault->alerts(3);
    $fault->wait_for_requests(1);
    is($listener->kill_at_once, 'signal 9', 'it is killed');
    $fault->mend($fault->url(''));
    $fault->over;
    my $next = $test->start_listener('--poll', 3600);
    $fault->settle;
    like($next->log_text, qr/event=taken_back/, 'the next one took back what it held');
    is($next->stop, 0, 'it ends when told to');
};

# What nobody can know to be gone keeps its leases until they run out: both wait for that together.
subtest 'listeners that are stopped, or lost with their machine' => sub {
    my $lost = fault('listener is lost with its machine',
        'SIGKILL, and its name changed to that of a process elsewhere', dashboard => 'lost',
        before => '/hang', host => 5, at_most => 1, may_repeat => $not_marked);
    my $elsewhere = $test->start_listener;
    $lost->alerts(3);
    $lost->wait_for_requests(1);
    is($elsewhere->kill_at_once, 'signal 9', 'it is killed');
    $test->sql("INSERT INTO dashboard_listeners (worker, seen_at)
                SELECT 'elsewhere/' || worker, seen_at FROM dashboard_listeners
                 WHERE worker IN (SELECT worker FROM dashboard_leases);
                UPDATE dashboard_leases SET worker = 'elsewhere/' || worker");
    $lost->mend($lost->url(''));
    $lost->over;

    my $stopped = fault('listener is SIGSTOPped for longer than its lease',
        'with a request in flight, while another listener runs', dashboard => 'stopped',
        before => '/hang', host => 6, at_most => 1, may_repeat => $not_marked);
    my $sleeper = $test->start_listener;
    $stopped->alerts(3);
    $stopped->wait_for_requests(1);
    $sleeper->signal('STOP');
    $stopped->mend($stopped->url(''));
    $stopped->over;
    my $other = $test->start_listener('--poll', 1);
    $_->settle for $lost, $stopped;
    unlike($other->log_text, qr/event=taken_back/, 'nobody took them for gone');

    $sleeper->signal('CONT');
    # It learns that what it held was taken from it, and goes on.
    my $after = fault('alerts while a stopped listener comes back',
        'SIGCONT after its leases were taken over', dashboard => 'woken', host => 7);
    $after->over;
    $after->alerts(20);
    $after->settle;
    $sleeper->wait_for_log(qr/event=failed dashboard=stopped/);
    is($sleeper->stop, 0, 'the one that was stopped ends when told to');
    is($stopped->deliveries('status'), 'delivered', 'what it had not marked stays delivered');
    is(scalar $stopped->requests, 4, 'and it sends none of what it held');
    is($other->stop, 0, 'so does the other');
};

is($test->sql('SELECT count(*) FROM dashboard_leases'), 0, 'no lease is left');
$test->finish;
