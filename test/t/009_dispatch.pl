# What an insert leaves pending is finished by listeners: whatever is killed meanwhile, every alert
# is told once, and it is what the insert would have told itself.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new;
my $node = $test->node;
$test->start_receiver;

# Snapshot k of a history: one row drifts upwards by 4 % a step, and each step adds an id.
$test->sql(<<'SQL');
CREATE FUNCTION shot(k integer) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_array(jsonb_build_object('id', 'a', 'score', round(100 * 1.04 ^ k, 6)))
         || coalesce(jsonb_agg(jsonb_build_object('id', i)), '[]')
    FROM generate_series(1, k) i
$$;
-- Dispatching takes so much longer a statement.
CREATE TABLE gate AS SELECT 0.0 AS seconds;
CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    PERFORM pg_sleep(seconds::float8) FROM public.gate;
    RETURN NULL;
  END $$;
CREATE TRIGGER gate AFTER INSERT ON dashboard_alerts EXECUTE FUNCTION wait_at_gate();
-- Alerts of dashboards that have the same history and subscribers can be compared.
CREATE VIEW told AS
  SELECT a.dashboard_artifact_id AS dashboard, substring(s.subscriber_id FROM '\d+(?=@|$)') AS who,
         x.step AS step_a, y.step AS step_b, a.explanation, a.summary
    FROM dashboard_alerts a
    JOIN dashboard_subscriptions s
      ON s.dashboard_artifact_id = a.dashboard_artifact_id AND s.id = a.subscription_id
    JOIN (SELECT id, rank() OVER (PARTITION BY dashboard_artifact_id ORDER BY captured_at) AS step
            FROM dashboard_snapshots) x ON x.id = a.snapshot_a
    JOIN (SELECT id, rank() OVER (PARTITION BY dashboard_artifact_id ORDER BY captured_at) AS step
            FROM dashboard_snapshots) y ON y.id = a.snapshot_b;
SQL

my $steps = 8;
my $subscribers = 600;

# A dashboard with webhooks (or addresses that no listener serves) of four thresholds and both
# baselines, and a persona. Most thresholds are only met every second or third step, by the baseline
# that the steps before have moved; one of those is shared by more than are told in one statement.
sub dashboard_of
{
    my ($dashboard, $count, $kind) = @_;
    $kind //= 'webhook';
    # Answered with 204 whatever it thinks of the signature: 3,000 secrets are not for this test.
    my $prefix = $kind eq 'webhook' ? $test->url("/status/204/$dashboard/") : '';
    my $suffix = $kind eq 'webhook' ? '' : '@example.com';
    $test->dashboard($dashboard);
    $test->sql(<<"SQL");
SELECT count(subscribe('$dashboard', '$kind', '$prefix' || i || '$suffix',
         CASE WHEN i % 10 < 2 THEN '{"set_added_min": 1}'
              WHEN i % 10 < 4 THEN '{"set_added_min": 2}'
              WHEN i % 10 < 9 THEN '{"set_added_min": 3}'
              ELSE '{"value_delta_pct": 0.1}' END::jsonb,
         CASE i / 10 % 8 WHEN 0 THEN 'previous' ELSE 'last_notified' END))
  FROM generate_series(0, $count - 1) i;
INSERT INTO personas (id) VALUES ('persona of $dashboard 0');
SELECT subscribe('$dashboard', 'persona', 'persona of $dashboard 0', '{"set_added_min": 1}');
SQL
    return $dashboard;
}

# The steps of a history as statements, each a transaction of its own.
sub steps_sql
{
    my ($dashboard, $budget, @steps) = @_;
    return join "\n", "SET dashboard_diff.dispatch_budget = $budget;", map {
        "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)"
          . " VALUES ('$dashboard', shot($_));"
    } @steps;
}

# A dashboard whose whole history is pending.
sub pending_dashboard
{
    my ($dashboard) = @_;
    dashboard_of($dashboard, $subscribers);
    $test->sql(steps_sql($dashboard, 0, 0 .. $steps));
    return $dashboard;
}

sub pending
{
    my ($dashboard) = @_;
    return $test->sql("SELECT count(*) FROM dashboard_pending_snapshots
                        WHERE dashboard_artifact_id = '$dashboard'");
}

sub wait_until_delivered
{
    my ($dashboard) = @_;
    return $test->wait_for_sql(
        "SELECT (SELECT count(*) FROM dashboard_pending_snapshots
                  WHERE dashboard_artifact_id = '$dashboard')
             || ' ' || (SELECT count(*) FROM dashboard_deliveries
                         WHERE dashboard_artifact_id = '$dashboard' AND status = 'pending')",
        '0 0');
}

# Every webhook alert has one delivery and arrived under one webhook-id; returns how many requests
# came more often than once.
sub repeated_requests
{
    my ($dashboard) = @_;
    my $alerts = $test->sql("SELECT count(*) FROM dashboard_alerts a
                               JOIN dashboard_subscriptions s ON s.id = a.subscription_id
                              WHERE a.dashboard_artifact_id = '$dashboard'
                                AND s.subscriber_kind = 'webhook'");
    is( $test->sql("SELECT count(*) || ' ' || count(DISTINCT alert_id) || ' '
                           || count(*) FILTER (WHERE status = 'delivered')
                      FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'"),
        "$alerts $alerts $alerts",
        "$dashboard: each of $alerts alerts has one delivery, and it is delivered");
    my (%of_id, %of_alert);
    for my $request (grep { $_->{path} =~ m{/\Q$dashboard\E/} } $test->requests)
    {
        $of_id{ $request->{id} }++;
        $of_alert{"$request->{path} $request->{body}{snapshot_b}"}{ $request->{id} } = 1;
    }
    is(scalar keys %of_alert, $alerts, "$dashboard: all arrived");
    is(scalar keys %of_id, $alerts, "$dashboard: under one webhook-id each");
    return scalar grep { $_ > 1 } values %of_id;
}

# What was told is what an insert with time enough tells, once.
sub is_as_if_at_once
{
    my ($dashboard) = @_;
    is( $test->sql(<<"SQL"), '2008 0', "$dashboard: the alerts are those of an unlimited budget");
WITH here AS (SELECT who, step_a, step_b, explanation, summary
                FROM told WHERE dashboard = '$dashboard'),
     there AS (SELECT who, step_a, step_b, explanation, summary
                 FROM told WHERE dashboard = 'at once')
SELECT (SELECT count(*) FROM here) || ' ' || count(*)
  FROM ((TABLE here EXCEPT ALL TABLE there) UNION ALL (TABLE there EXCEPT ALL TABLE here)) d
SQL
    is( $test->sql("SELECT count(*) FROM artifact_comments WHERE artifact_id = '$dashboard'"),
        $steps, "$dashboard: the persona has a comment for each snapshot but the first");
    return;
}

# Holds the row of a subscription that every snapshot but the first is to be told to: whoever
# dispatches one has told others, and waits.
sub hold_up
{
    my ($dashboard) = @_;
    my $session = $test->session;
    $session->query_safe("BEGIN; SELECT FROM dashboard_subscriptions
        WHERE dashboard_artifact_id = '$dashboard' AND baseline = 'last_notified'
          AND threshold_json = '{\"set_added_min\": 1}' ORDER BY id LIMIT 1 FOR UPDATE");
    return $session;
}

my $held_up = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%dispatch_%'";

# A session that is in the middle of dispatch_pending().
sub start_held_up
{
    my $session = $test->session;
    $session->query_until(qr/begins/, "\\echo begins\nSELECT dispatch_pending();\n\\echo ended\n");
    $test->wait_for_sql("SELECT count(*) $held_up", 1);
    return $session;
}

# After its connection was lost.
sub abandon
{
    my ($session) = @_;
    eval { $session->quit };    # it may have ended by itself
    return;
}

# From now on each statement that dispatches takes so long.
sub set_gate
{
    my ($seconds) = @_;
    $test->sql("UPDATE gate SET seconds = $seconds");
    return;
}

# A listener's session that has told somebody and not committed it.
sub wait_until_dispatching
{
    $test->wait_for_sql(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'
            AND application_name = 'dashboard_diff_listener'", 't');
    return;
}

sub alerts_ever { return $test->sql('SELECT last_value FROM dashboard_alerts_id_seq') }
sub alerts_now { return $test->sql('SELECT count(*) FROM dashboard_alerts') }

subtest 'with an unlimited budget the insert tells everybody itself' => sub {
    dashboard_of('at once', $subscribers, 'email');
    $test->sql(steps_sql('at once', -1, 0 .. $steps));
    is(pending('at once'), 0, 'nothing is left');
    # Every step for 120 subscriptions and the persona, every second for 104, every third for 312.
    is($test->sql("SELECT count(*) FROM told WHERE dashboard = 'at once'"),
        8 * 121 + 4 * 104 + 2 * 312, 'the alerts');
};

subtest 'a listener finishes what an insert left to it' => sub {
    dashboard_of('large', 3000);
    my $listener = $test->start_listener('--poll', 3600);
    my $session = $test->session;
    $session->query_safe('BEGIN; ' . steps_sql('large', 0, 0, 20));
    is($session->query_safe('SELECT count(*) FROM dashboard_pending_snapshots'),
        2, 'the insert left it all');
    is($session->query_safe("SELECT count(*) FROM told WHERE dashboard = 'large'"),
        0, 'and told nobody');
    $session->query_safe('COMMIT');
    $session->quit;
    wait_until_delivered('large');
    is($test->sql("SELECT count(*) || ' ' || count(DISTINCT who) FROM told
                    WHERE dashboard = 'large' AND step_b = 2"),
        '3001 3000', 'everybody is told');
    is(repeated_requests('large'), 0, 'once');
    is($test->sql("SELECT count(*) FROM artifact_comments WHERE artifact_id = 'large'"),
        1, 'the persona has its comment');
    like($listener->log_text, qr/event=dispatched snapshots=\d+ ms=\d+/, 'the log says so');
    unlike(
        $listener->log_text, qr/event=(?!key_created|started|database_ready|dispatched|delivered)/,
        'and nothing else');
    is($listener->stop, 0, 'the listener ends when told to');
};

subtest 'nothing is lost or told twice when dispatch_pending() is killed' => sub {
    my $dashboard = pending_dashboard('killed');
    is(pending($dashboard), $steps + 1, 'all of it is pending');
    my $undone = 0;
    for my $round (1 .. 10)
    {
        # A little is done, and stays.
        $test->sql("SELECT dispatch_pending('0')") for 1 .. 3;
        my ($alerts, $pending) = (alerts_now(), pending($dashboard));
        set_gate(1000);
        my $victim = start_held_up();
        $undone += alerts_ever() - $alerts;
        if ($round % 5 == 0)
        {
            $node->stop('immediate');
            $node->start;
        }
        else
        {
            $test->sql("SELECT pg_terminate_backend(pid, 60000) $held_up");
        }
        abandon($victim);
        set_gate(0);
        is(alerts_now() . ' ' . pending($dashboard),
            "$alerts $pending", "$round: what was killed has left nothing");
    }
    cmp_ok($undone, '>=', 10 * 17, 'there was something to be undone');
    cmp_ok(pending($dashboard), '>', 0, 'some is still to be done');
    my $listener = $test->start_listener('--poll', 3600);
    wait_until_delivered($dashboard);
    is($listener->stop, 0, 'a listener does it');
    is_as_if_at_once($dashboard);
    is(repeated_requests($dashboard), 0, 'each came once');
};

subtest 'a server that crashes while a listener dispatches loses nothing' => sub {
    my $dashboard = pending_dashboard('crashed');
    set_gate(0.3);
    my $listener = $test->start_listener('--poll', 1);
    for (1 .. 3)
    {
        wait_until_dispatching();
        $node->stop('immediate');
        $node->start;
    }
    set_gate(0);
    wait_until_delivered($dashboard);
    ok($listener->is_running, 'it is the same listener');
    is($listener->stop, 0, 'which ends when told to');
    is_as_if_at_once($dashboard);
    is(repeated_requests($dashboard), 0, 'each came once');
};

subtest 'listeners that are killed while they dispatch lose nothing' => sub {
    my $dashboard = pending_dashboard('orphaned');
    set_gate(0.3);
    for my $round (1 .. 4)
    {
        my $listener = $test->start_listener;
        wait_until_dispatching();
        is($listener->kill_at_once, 'signal 9', "$round: killed");
        # Its session may get to the end of the statement, and commit.
        $test->wait_for_sql(
            "SELECT count(*) FROM pg_stat_activity
              WHERE application_name = 'dashboard_diff_listener'", 0);
    }
    cmp_ok(pending($dashboard), '>', 0, 'some is still to be done');
    my $listener = $test->start_listener;
    wait_until_dispatching();
    is($listener->stop, 0, 'one that is told to end lets its last statement finish');
    $test->wait_for_sql(
        "SELECT count(*) FROM pg_stat_activity
          WHERE application_name = 'dashboard_diff_listener'", 0);
    set_gate(0);
    $test->expire_leases;
    $test->deliver_once;
    wait_until_delivered($dashboard);
    is_as_if_at_once($dashboard);
    note 'came more than once: ' . repeated_requests($dashboard);
};

subtest 'two listeners share the work' => sub {
    my @dashboards = map { dashboard_of("shared_$_", $subscribers) } 1 .. 2;
    my @listeners = map { $test->start_listener } 1 .. 2;
    set_gate(0.05);
    $test->sql(join "\n", map { steps_sql($_, 0, 0 .. $steps) } @dashboards);
    wait_until_delivered($_) for @dashboards;
    set_gate(0);
    is_deeply([ map { $_->stop } @listeners ], [ 0, 0 ], 'both end when told to');
    like($_->log_text, qr/event=dispatched/, 'each has done some') for @listeners;
    for my $dashboard (@dashboards)
    {
        is_as_if_at_once($dashboard);
        is(repeated_requests($dashboard), 0, 'each came once');
    }
};

subtest 'snapshots that come while others are pending wait for their turn' => sub {
    my $dashboard = dashboard_of('queued', $subscribers);
    $test->sql(steps_sql($dashboard, 0, 0 .. 4));
    is(pending($dashboard), 5, 'some are left');
    $test->sql(steps_sql($dashboard, 1, 5));
    cmp_ok(pending($dashboard), '>', 1, 'with little time the next gets in line');
    $test->sql(steps_sql($dashboard, -1, 6));
    is(pending($dashboard), 0, 'with time enough it does them all first');
    $test->sql(steps_sql($dashboard, 0, 7 .. 8));
    $test->deliver_once;
    is_as_if_at_once($dashboard);
    is(repeated_requests($dashboard), 0, 'each came once');

    $dashboard = dashboard_of('interleaved', $subscribers);
    my @listeners = map { $test->start_listener } 1 .. 2;
    my @budgets = (0, 0, 5, 0, 100, -1, 0, 1, 0);
    $test->sql(join "\n", map { steps_sql($dashboard, $budgets[$_], $_) } 0 .. $steps);
    wait_until_delivered($dashboard);
    is_deeply([ map { $_->stop } @listeners ], [ 0, 0 ], 'the listeners end when told to');
    is_as_if_at_once($dashboard);
    is(repeated_requests($dashboard), 0, 'each came once');
};

subtest 'whoever holds a row of one dashboard does not hold up the others' => sub {
    my $held = pending_dashboard('held');
    my $holder = hold_up($held);
    my $free = pending_dashboard('free');
    my $listener = $test->start_listener('--poll', 1);
    wait_until_delivered($free);
    cmp_ok(pending($held), '>', 0, 'the one that is held waits');
    is_as_if_at_once($free);
    $test->dashboard_with_webhook('unhindered', '/unhindered');
    $test->snapshot('unhindered', 9);
    $test->wait_for_requests(1, '/unhindered');
    cmp_ok(pending($held), '>', 0, 'still');
    $holder->query_safe('ROLLBACK');
    $holder->quit;
    wait_until_delivered($held);
    is_as_if_at_once($held);
    unlike($listener->log_text, qr/event=(?:dispatch_failed|database_unavailable)/,
        'and all that is nothing to speak of');
    is($listener->stop, 0, 'the listener ends when told to');
};

subtest 'a session goes on after dispatching was stopped' => sub {
    my $dashboard = dashboard_of('stopped', $subscribers);
    $test->sql(steps_sql($dashboard, 0, 0 .. 1));
    set_gate(1000);
    my $session = $test->session;
    $session->query_safe('\set VERBOSITY verbose');
    for my $statement ('SELECT dispatch_pending()', steps_sql($dashboard, -1, 2))
    {
        $session->query_safe("SET statement_timeout = '1s'");
        $session->query($statement);
        like($session->{stderr}, qr/ERROR:  57014: .*statement timeout/, $statement);
        $session->{stderr} = '';
        is($session->query_safe('RESET statement_timeout; SELECT count(*) FROM told'
                  . " WHERE dashboard = '$dashboard'"),
            0, 'nothing is left of it, and no transaction is open');
    }
    $session->quit;
    set_gate(0);
    is($test->sql('SELECT dispatch_pending()'), 2, 'then it can be done');
    is($test->sql('SELECT dispatch_pending()'), 0, 'once');
};

subtest '--once finishes what is pending, and delivers what comes of it' => sub {
    $test->deliver_once;    # so that the first claim finds nothing
    my $dashboard = pending_dashboard('drained');
    my $log = $test->deliver_once;
    like($log, qr/event=dispatched/, 'it says so');
    is($test->sql("SELECT (SELECT count(*) FROM dashboard_pending_snapshots) || ' ' ||
                          (SELECT count(*) FROM dashboard_deliveries
                            WHERE status = 'pending' AND subscriber_kind = 'webhook')"),
        '0 0', 'nothing is left');
    is_as_if_at_once($dashboard);
    is(repeated_requests($dashboard), 0, 'each came once');
};

subtest 'a role without the right to dispatch delivers all the same' => sub {
    $test->sql(<<'SQL');
CREATE ROLE listener LOGIN;
SELECT allow_listener('listener');
REVOKE EXECUTE ON FUNCTION dispatch_pending FROM listener;
SQL
    $test->dashboard_with_webhook('rights', '/rights');
    $test->snapshot('rights', 10);
    $test->sql("SET dashboard_diff.dispatch_budget = 0;
        INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        VALUES ('rights', '[{\"id\": \"row\", \"score\": 20}]')");
    my @command = $test->listener_command($test->local_flags, '--once');
    s/^(port=.*)/$1 user=listener/ for @command;
    my ($status, undef, $log) = $test->run_program(@command);
    is($status, 77, 'that is an error');
    like($log, qr/event=dispatch_failed reason="permission denied for function dispatch_pending/,
        'which is logged');
    is(scalar $test->requests('/rights'), 1, 'but what is in the outbox arrives');
    is(pending('rights'), 1, 'and what is pending waits');
    $test->sql('GRANT EXECUTE ON FUNCTION dispatch_pending TO listener');
    ($status) = $test->run_program(@command);
    is($status, 0, 'with the right there is no error');
    is(scalar $test->requests('/rights'), 2, 'and everything arrives');
};

$test->finish;
