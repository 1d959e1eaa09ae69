# The server crashes, restarts or takes back a transaction.

use strict;
use warnings FATAL => 'all';

use JSON::PP;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(raw => 1, conf => 'max_prepared_transactions = 5');
my $node = $test->node;
$test->start_receiver;

sub alerts
{
    my ($dashboard, @values) = @_;
    return $test->sql(join '',
        map { "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)"
              . " VALUES ('$dashboard', '[{\"id\": \"row\", \"score\": $_}]');\n" } @values);
}

sub all_delivered
{
    my ($dashboard) = @_;
    wait_for(
        sub {
            my ($status, $out) = $node->psql('postgres',
                "SELECT count(*) FROM dashboard_deliveries
                  WHERE dashboard_artifact_id = '$dashboard' AND status <> 'delivered'");
            return $status == 0 && $out eq '0';
        },
        'all to be delivered');
    return;
}

# How many times each webhook-id came to the path; nothing may be wrong with any of them.
sub times_each
{
    my ($path) = @_;
    my %times;
    my @problems;
    for my $request ($test->requests($path))
    {
        $times{ $request->{id} }++;
        push @problems, @{ $request->{problems} };
    }
    is_deeply(\@problems, [], 'every request verifies, and what came again is the same');
    return %times;
}

for my $case ([ 'crash', 'immediate' ], [ 'restart', 'fast' ])
{
    my ($dashboard, $mode) = @{$case};
    subtest "the listener gets over a server that stops in mode $mode" => sub {
        my $path = "/slow/0.1/$dashboard";
        $test->dashboard_with_webhook($dashboard, $path);
        my $listener = $test->start_listener('--poll', 3600, '--concurrency', 8);
        my $ready = () = $listener->log_text =~ /event=database_ready/g;
        alerts($dashboard, map { 10 * $_ } 1 .. 20);
        $test->wait_for_requests(1, $path);
        $node->stop($mode);
        $listener->wait_for_log(qr/event=database_unavailable/);
        $node->start;

        # All that was committed before the stop, and what is written after it.
        is($test->sql("SELECT count(*) FROM dashboard_deliveries
                        WHERE dashboard_artifact_id = '$dashboard'"),
            20, 'the outbox is still there');
        alerts($dashboard, map { 10 * $_ } 21 .. 25);
        all_delivered($dashboard);
        my %times = times_each($path);
        is(scalar keys %times, 25, 'nothing is lost');
        is_deeply([ grep { $_ > 1 } values %times ],
            [], 'what was in flight is marked afterwards, so that nothing comes twice');
        ok($listener->is_running, 'it is the same listener');
        my $again = () = $listener->log_text =~ /event=database_ready/g;
        cmp_ok($again, '>', $ready, 'it came back by itself');
        is($listener->stop, 0, 'it ends when told to');
    };
}

subtest 'a listener that is told to end while the server is away does so' => sub {
    my $listener = $test->start_listener;
    $node->stop('fast');
    $listener->wait_for_log(qr/event=database_unavailable/);
    is($listener->stop, 0, 'there is nothing to be marked');
    $node->start;
};

subtest 'a listener that cannot mark says that deliveries will be repeated' => sub {
    $test->dashboard_with_webhook('unmarked', '/slow/1/unmarked');
    my $listener = $test->start_listener;
    alerts('unmarked', 10);
    $test->wait_for_requests(1, '/slow/1/unmarked');
    $node->stop('fast');
    is($listener->stop, 75, 'EX_TEMPFAIL');
    like($listener->log_text, qr/some deliveries will be repeated/, 'it says so');
    $node->start;
    $test->expire_leases;
    $test->deliver_once;
    my %times = times_each('/slow/1/unmarked');
    is_deeply([ values %times ], [2], 'it is repeated under the same webhook-id');
    is($test->delivery('unmarked')->{status}, 'delivered', 'and marked');
};

subtest 'a listener that starts before the server waits for it' => sub {
    $test->dashboard_with_webhook('early', '/early');
    alerts('early', 10);
    $node->stop('fast');
    my $listener =
      $test->start('early', $test->listener_command($test->local_flags));
    $listener->wait_for_log(qr/event=database_unavailable/);
    $node->start;
    all_delivered('early');
    is($listener->stop, 0, 'it ends when told to');
};

# --- NOTIFY ---

my $hears = $test->session;
$hears->query_safe('LISTEN dashboard_alert');

# The payloads that arrived since the last call.
sub heard
{
    my $output = $hears->query_safe('SELECT 1');
    return $output =~ /^Asynchronous notification "dashboard_alert" with payload "(.*)" received/mg;
}

subtest 'a committed insert is heard once, a rolled back one is not' => sub {
    heard();
    $test->dashboard('heard');
    my $subscription = $test->subscribe('heard', $test->url('/nobody'));
    my $before = $test->sql('SELECT count(*) FROM dashboard_alerts');
    alerts('heard', 0);
    my $session = $test->session;
    for my $end ('ROLLBACK', 'ROLLBACK TO a; COMMIT')
    {
        $session->query_safe("BEGIN; SAVEPOINT a;
            INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
            VALUES ('heard', '[{\"id\": \"row\", \"score\": 50}]')");
        is($session->query_safe('SELECT count(*) FROM dashboard_alerts'),
            $before + 1, "$end: within the transaction there is an alert");
        $session->query_safe($end);
        is($test->sql("SELECT count(*) FROM dashboard_alerts"), $before, "$end: no alert is left");
        is($test->sql("SELECT count(*) FROM dashboard_deliveries
                        WHERE dashboard_artifact_id = 'heard'"),
            0, "$end: no delivery");
        is($test->sql("SELECT count(*) FROM dashboard_diffs
                        WHERE dashboard_artifact_id = 'heard'"),
            0, "$end: no diff");
        is($test->sql("SELECT last_notified_snapshot_id IS NULL FROM dashboard_subscriptions
                        WHERE id = $subscription"),
            't', "$end: the subscription is as before");
    }
    $session->quit;
    is_deeply([heard()], [], 'nothing was heard');

    alerts('heard', 0.5);
    is_deeply([heard()], [], 'nothing is heard of a change that meets no rule');
    alerts('heard', 60);
    my @payloads = heard();
    is(scalar @payloads, 1, 'a committed one is heard once');
    my $payload = decode_json($payloads[0]);
    my $pair = $test->sql("SELECT snapshot_a || ' ' || snapshot_b FROM dashboard_alerts
                            WHERE subscription_id = $subscription");
    is_deeply(
        [ sort keys %{$payload} ],
        [qw(alerts dashboard_id schema snapshot_a snapshot_b)],
        'the payload has the documented keys');
    is($payload->{schema}, 'public', 'schema');
    is($payload->{dashboard_id}, 'heard', 'dashboard_id');
    is("$payload->{snapshot_a} $payload->{snapshot_b}", $pair, 'snapshot_a, snapshot_b');
    is($payload->{alerts}, 1, 'alerts');
    is($test->sql("SELECT count(*) FROM dashboard_alerts
                    WHERE dashboard_artifact_id = 'heard'"), 1, 'there is one alert');
};

subtest 'the payload is small whatever matched' => sub {
    heard();
    my $dashboard = "\x01" x 512;    # the longest there can be, six times as long in JSON
    $test->dashboard($dashboard);
    my $id = hexed($dashboard);
    $test->sql("SELECT count(subscribe($id, 'webhook', 'https://example.com/hook' || i,
                    jsonb_build_object('value_delta_pct', 0.001 * (1 + i % 30))))
                  FROM generate_series(1, 300) i");
    $test->snapshot($dashboard, $_) for 100, 200;
    my @payloads = heard();
    is(scalar @payloads, 1, '300 subscribers are one notification');
    cmp_ok(length $payloads[0], '<', 8000, 'of less than 8000 bytes');
    my $payload = decode_json($payloads[0]);
    is($payload->{alerts}, 300, 'it has their number');
    is($payload->{dashboard_id}, $dashboard, 'and the whole id');
    is( $test->sql("SELECT count(*) || ' ' || count(DISTINCT alert_id) || ' ' ||
                           (SELECT count(*) FROM dashboard_diffs WHERE dashboard_artifact_id = $id)
                      FROM dashboard_deliveries WHERE dashboard_artifact_id = $id"),
        '300 300 1',
        'each has an alert and a delivery, and all one diff');
};

subtest 'a transaction that alerts cannot be prepared, and says so' => sub {
    my $error = $test->sql_error("BEGIN;
        INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        VALUES ('heard', '[{\"id\": \"row\", \"score\": 90}]');
        PREPARE TRANSACTION 'alert';");
    like($error, qr/^psql:\S+ ERROR:  0A000: .*PREPARE.*NOTIFY/m, 'feature_not_supported');
    is($test->sql('SELECT count(*) FROM pg_prepared_xacts'), 0, 'nothing is prepared');
    is_deeply([heard()], [], 'nothing is heard');
    is($test->sql_error("BEGIN;
        INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        VALUES ('heard', '[{\"id\": \"row\", \"score\": 60.5}]');
        PREPARE TRANSACTION 'quiet';
        COMMIT PREPARED 'quiet';"),
        '', 'one that alerts nobody can be');
    is_deeply([heard()], [], 'and nobody hears of it');
};

subtest 'nobody is told with dashboard_diff.notify off' => sub {
    heard();
    my $pending = "SELECT count(*) FROM dashboard_deliveries WHERE dashboard_artifact_id = 'heard'";
    my $before = $test->sql($pending);
    $test->sql("SET dashboard_diff.notify = off;
        BEGIN;
        INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        VALUES ('heard', '[{\"id\": \"row\", \"score\": 900}]');
        PREPARE TRANSACTION 'untold';
        COMMIT PREPARED 'untold'");
    is($test->sql($pending), $before + 1, 'the delivery waits, and the transaction was prepared');
    $test->sql("SET dashboard_diff.dispatch_budget = 0;
        SET dashboard_diff.notify = off;
        INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        VALUES ('heard', '[{\"id\": \"row\", \"score\": 9}]')");
    is($test->sql("SELECT count(*) FROM dashboard_pending_snapshots
                    WHERE dashboard_artifact_id = 'heard'"), 1, 'so does a snapshot');
    is($test->sql('SET dashboard_diff.notify = off; SELECT dispatch_pending(interval \'1 min\')'),
        1, 'which is looked after');
    is($test->sql($pending), $before + 2, 'and its delivery waits');
    is_deeply([heard()], [], 'nothing is heard');
};

$hears->quit;
$test->finish;
