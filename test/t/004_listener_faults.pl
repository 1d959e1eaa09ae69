# Listeners come, go and die: every alert arrives, and what comes twice has the same webhook-id.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;

my $test = DashboardTest->new(raw => 1);
$test->start_receiver;

my %value;

# A dashboard whose snapshots all alert one webhook.
sub dashboard_for
{
    my ($path) = @_;
    my ($dashboard) = $path =~ m{/([^/]+)$};
    my $subscription = $test->dashboard_with_webhook($dashboard, $path);
    $test->add_secret("/$dashboard", $test->secret($subscription));    # for mend()
    return $dashboard;
}

# So many alerts as statements, each a transaction of its own.
sub alerts_sql
{
    my ($dashboard, $count) = @_;
    my $sql = '';
    for (1 .. $count)
    {
        my $value = ++$value{$dashboard} * 10;
        $sql .= "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)"
          . " VALUES ('$dashboard', '[{\"id\": \"row\", \"score\": $value}]');\n";
    }
    return $sql;
}

sub alerts { return $test->sql(alerts_sql(@_)) }

sub undelivered
{
    my ($dashboard) = @_;
    return $test->sql("SELECT count(*) FROM dashboard_deliveries
                        WHERE dashboard_artifact_id = '$dashboard' AND status <> 'delivered'");
}

# From now on the deliveries go to a path without the fault.
sub mend
{
    my ($dashboard, $fault) = @_;
    $test->sql("UPDATE dashboard_deliveries SET target = replace(target, '$fault', '')
                 WHERE dashboard_artifact_id = '$dashboard'");
    return;
}

# How often each webhook-id of the dashboard came.
sub times_each
{
    my ($dashboard) = @_;
    my %times;
    $times{ $_->{id} }++ for grep { $_->{path} =~ m{/\Q$dashboard\E$} } $test->requests;
    return %times;
}

# All alerts are delivered, and nothing is wrong with any request.
sub all_arrived
{
    my ($dashboard, $count) = @_;
    is( $test->sql("SELECT count(*) || ' ' || count(*) FILTER (WHERE status = 'delivered')
                      FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'"),
        "$count $count",
        'all are marked as delivered');
    my %times = times_each($dashboard);
    is(scalar keys %times, $count, 'all arrived');
    my %problems;
    $problems{$_}++
      for map { @{ $_->{problems} } }
      grep { $_->{path} =~ m{/\Q$dashboard\E$} } $test->requests;
    is_deeply(\%problems, {}, 'all verify, and what came again is the same');
    return %times;
}

subtest 'what happened while no listener ran is delivered at its start' => sub {
    my $dashboard = dashboard_for('/gap');
    alerts($dashboard, 20);
    my $listener = $test->start_listener('--poll', 3600);
    $test->wait_for_requests(20, '/gap');
    alerts($dashboard, 5);
    $test->wait_for_requests(25, '/gap');
    is($listener->stop, 0, 'the listener ends when told to');
    my %times = all_arrived($dashboard, 25);
    is_deeply([ grep { $_ > 1 } values %times ], [], 'each once');
};

subtest 'a listener killed between the request and the mark loses nothing' => sub {
    my $dashboard = dashboard_for('/hang/killed');
    alerts($dashboard, 3);
    my $killed = $test->start_listener;
    $test->wait_for_requests(1, '/hang/killed');    # one after the other
    is($killed->kill_at_once, 'signal 9', 'it is killed');
    cmp_ok($test->leased, '>', 0, 'its leases stay');
    mend($dashboard, '/hang');

    # On the same machine it can be seen that their holder is gone.
    like($test->deliver_once, qr/event=taken_back/, 'the next listener takes them back at once');
    $test->wait_for_requests(3, '/killed');
    my %times = all_arrived($dashboard, 3);
    is_deeply([ sort values %times ], [ 1, 1, 2 ], 'at least once, under the same webhook-ids');
    is($test->sql("SELECT sum(attempts) FROM dashboard_deliveries
                    WHERE dashboard_artifact_id = '$dashboard' AND attempts > 0"),
        3, 'an attempt whose outcome nobody knows is none');
};

subtest 'what a listener holds is nobody else\'s for as long as it is heard of' => sub {
    my $dashboard = dashboard_for('/hang/held');
    alerts($dashboard, 1);
    my $holder = $test->start_listener;
    $test->wait_for_requests(1, '/hang/held');
    $holder->signal('STOP');
    mend($dashboard, '/hang');
    $test->deliver_once;
    is(scalar $test->requests('/held'), 0, 'not taken by another');
    $test->expire_leases;
    $test->deliver_once;
    is(scalar $test->requests('/held'), 1, 'taken when it was silent for too long');
    is($holder->kill_at_once, 'signal 9', 'the holder is not needed');
    all_arrived($dashboard, 1);
};

subtest 'a mark that the server did not take is made again' => sub {
    my $dashboard = dashboard_for('/slow/1/marked');
    my $session = $test->session;
    my $listener = $test->start_listener('--poll', 3600);
    alerts($dashboard, 1);
    $test->wait_for_requests(1, '/slow/1/marked');
    # The mark has to wait for this; meanwhile its session ends.
    $session->query_safe('BEGIN; LOCK TABLE dashboard_deliveries IN EXCLUSIVE MODE');
    my $waiting = "FROM pg_stat_activity WHERE application_name = 'dashboard_diff_listener'
                    AND wait_event_type = 'Lock'";
    $test->wait_for_sql("SELECT count(*) $waiting", 1);
    is($test->sql("SELECT pg_terminate_backend(pid) $waiting"), 't', 'it is cut off');
    $session->query_safe('ROLLBACK');
    $session->quit;
    wait_for(sub { undelivered($dashboard) == 0 }, 'the mark');
    my %times = all_arrived($dashboard, 1);
    is_deeply([ values %times ], [1], 'what was delivered is not delivered again');
    is($listener->stop, 0, 'the listener ends when told to');
};

subtest 'two listeners at once deliver each alert exactly once' => sub {
    # An endpoint is served by one of them at a time: they share endpoints.
    my @dashboards = map { dashboard_for("/slow/0.05/both$_") } 1 .. 6;
    my @listeners = map { $test->start_listener('--concurrency', 2) } 1 .. 2;
    $test->sql(join '', map { alerts_sql($_, 1) } (@dashboards) x 10);
    for my $dashboard (@dashboards)
    {
        wait_for(sub { undelivered($dashboard) == 0 }, "all of $dashboard to be delivered");
    }
    is_deeply([ map { $_->stop } @listeners ], [ 0, 0 ], 'both end when told to');
    for my $dashboard (@dashboards)
    {
        my %times = all_arrived($dashboard, 10);
        is_deeply([ grep { $_ > 1 } values %times ], [], 'each once');
    }
    my @delivered = map { scalar(() = $_->log_text =~ /event=delivered/g) } @listeners;
    cmp_ok($delivered[0], '>', 0, "the first did its part: $delivered[0]");
    cmp_ok($delivered[1], '>', 0, "the second too: $delivered[1]");
};

subtest 'SIGTERM finishes what is in flight and gives back the rest' => sub {
    my $dashboard = dashboard_for('/slow/2/term');
    alerts($dashboard, 5);
    my $listener = $test->start_listener('--concurrency', 1);
    $test->wait_for_requests(1, '/slow/2/term');
    $listener->signal('TERM');
    is($listener->wait_for_end, 0, 'it ends well');
    is(scalar $test->requests('/slow/2/term'), 1, 'nothing else was begun');
    is( $test->sql("SELECT string_agg(concat_ws(' ', status, attempts), ', ' ORDER BY id)
                      FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'"),
        'delivered 1, pending 0, pending 0, pending 0, pending 0',
        'the one in flight is marked, the others are as if never touched');
    is($test->leased, 0, 'no lease is left');
    mend($dashboard, '/slow/2');
    $test->deliver_once;
    my %times = all_arrived($dashboard, 5);
    is_deeply([ grep { $_ > 1 } values %times ], [], 'each once');
};

subtest '--once delivers all that is due, and only that' => sub {
    my $dashboard = dashboard_for('/drained');
    alerts($dashboard, 101);
    $test->sql("UPDATE dashboard_deliveries SET next_attempt_at = now() + interval '1 hour'
                 WHERE id = (SELECT max(id) FROM dashboard_deliveries)");
    my ($status) = $test->run_program(
        $test->listener_command($test->local_flags, '--once', '--concurrency', 4));
    is($status, 0, 'exit status');
    is($test->sql("SELECT string_agg(status, ' ') FROM (SELECT status FROM dashboard_deliveries
                    WHERE dashboard_artifact_id = '$dashboard' ORDER BY id DESC LIMIT 2) d"),
        'pending delivered', 'what is due later waits');
    is(scalar $test->requests('/drained'), 100, 'what is due arrives');
    $test->make_all_due;
    $test->deliver_once;
    my %times = all_arrived($dashboard, 101);
    is_deeply([ grep { $_ > 1 } values %times ], [], 'each once');
};

subtest 'listeners that end at any moment lose nothing' => sub {
    my $dashboard = dashboard_for('/slow/0.02/restarts');
    my $count = 0;
    for my $round (1 .. 10)
    {
        my $listener = $test->start_listener('--concurrency', 4);
        my $seen = $test->requests;
        alerts($dashboard, 20);
        $count += 20;
        # In the midst of it, each time at another place.
        $test->wait_for_requests($seen + 2 * $round % 10 + 1);
        if ($round % 2)
        {
            is($listener->kill_at_once, 'signal 9', "$round: killed");
        }
        else
        {
            is($listener->stop, 0, "$round: told to end");
        }
    }
    $test->deliver_once;
    my %times = all_arrived($dashboard, $count);
    note 'came more than once: ' . grep { $_ > 1 } values %times;
};

subtest 'a receiver that was away gets what it missed' => sub {
    my $dashboard = dashboard_for('/away');
    my $listener = $test->start_listener;
    is($test->{receiver}->stop, 0, 'it goes');
    alerts($dashboard, 3);
    wait_for(
        sub {
            $test->sql("SELECT count(*) FROM dashboard_deliveries WHERE attempts > 0
                           AND dashboard_artifact_id = '$dashboard'") == 3;
        },
        'the failed attempts');
    is($test->sql('SELECT DISTINCT last_error FROM dashboard_deliveries'
              . " WHERE dashboard_artifact_id = '$dashboard'"),
        'connection refused', 'they say why');
    $test->start_receiver;
    # Nobody tells the listener: it knows itself when the next attempt is due.
    $test->wait_for_requests(3, '/away');
    wait_for(sub { undelivered($dashboard) == 0 }, 'the marks');
    my %times = all_arrived($dashboard, 3);
    is_deeply([ grep { $_ > 1 } values %times ], [], 'each once');
    is($listener->stop, 0, 'the listener ends when told to');
};

$test->finish;
