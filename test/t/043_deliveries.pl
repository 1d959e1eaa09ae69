# One cannot stop another: neither by what is in a row of his own, nor by holding it locked.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use PostgreSQL::Test::Utils;

# What no table lets in today, but a dump of an earlier version may hold. $odd: an expression for a
# character that is no valid one there.
sub poison
{
    my ($test, $odd) = @_;
    my $url = $test->url('/odd');
    $test->sql("INSERT INTO dashboards (id, title) VALUES ('poison', $odd || repeat('title ', 1800000)),
                                                          ('odd' || $odd, 'x')");
    my $id = $test->webhook('poison', '/poison/secret-path');
    my $odd_id = $test->sql("SELECT subscribe('odd' || $odd, 'webhook', '$url', '{\"set_added_min\": 1}')");
    $test->add_secret('/odd', $test->secret($odd_id));
    $test->sql("
        SELECT count(send_test($id)) FROM generate_series(1, 46);
        WITH numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM dashboard_deliveries)
        UPDATE dashboard_deliveries d
           SET id = v.id, attempts = v.attempts, next_attempt_at = v.due
          FROM (VALUES (1, 9000000000000000000, 0, '2020-01-01'::timestamptz), (2, -1, 0, '2020-01-01'),
                       (3, 2000000003, 2147483647, '2020-01-01'), (4, 2000000004, -2147483648, '2020-01-01'),
                       (5, 2000000005, 0, 'infinity'), (6, 2000000006, 0, '-infinity')) v (n, id, attempts, due),
               numbered
         WHERE numbered.n = v.n AND d.id = numbered.id;
        UPDATE dashboard_subscriptions
           SET secret_version = 1, previous_secret_until = 'infinity' WHERE id = $id;
        INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        SELECT 'odd' || $odd, c FROM unnest(ARRAY['[]', '[{\"id\": 1}]']::jsonb[]) c;
        INSERT INTO notification_configs (type, name, settings)
        VALUES ('SMTP', 'relay' || $odd,
                jsonb_build_object('host', 'localhost', 'from', 'a\@example.com', 'from_name', 'A' || $odd))");
    return;
}

my %odd = (UTF8 => "''", WIN1252 => 'chr(129)', SQL_ASCII => 'chr(200)');
for my $encoding (sort keys %odd)
{
    subtest "rows that cannot be read, in $encoding" => sub {
        my $test = DashboardTest->new(name => lc $encoding, encoding => $encoding, raw => 1);
        $test->start_receiver;
        $test->dashboard_with_webhook('good', '/good');
        poison($test, $odd{$encoding});
        $test->dashboard('told');
        $test->webhook('told', '/told', '{"set_added_min": 1}');
        $test->sql("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
                    VALUES ('told', '[]'), ('told', jsonb_build_array(jsonb_build_object('id', 'odd' || $odd{$encoding})))");
        my $listener = $test->start_listener;
        $test->snapshot('good', 10);
        $test->wait_for_requests(1, '/good');
        # All tests that can be sent: without one that has another time, and two without a count.
        $test->wait_for_requests(43, '/poison/secret-path');
        $test->wait_for_sql(
            q(SELECT count(*) FROM dashboard_deliveries WHERE status = 'pending'), '0');
        my ($told) = $test->wait_for_requests(1, '/told');
        like($test->raw_body($told), $encoding eq 'UTF8' ? qr/"odd"/ : qr/"odd\?"/,
            'what UTF-8 has not is a question mark');
        is( $test->sql(q(SELECT string_agg(id || ' ' || last_error, ', ' ORDER BY id)
                           FROM dashboard_deliveries WHERE status = 'dead' AND id > 2000000000)),
            '2000000003 its attempts are out of range, 2000000004 its attempts are out of range,'
              . ' 2000000005 its time never comes',
            'those that cannot be sent are dead, and say why');
        is( $test->sql(q(SELECT count(*) FROM dashboard_deliveries WHERE status = 'delivered')),
            $encoding eq 'UTF8' ? 46 : 45,
            'the others are sent');
        my $set_aside = $test->sql(q(SELECT coalesce(string_agg(d.last_error, ''), '')
             FROM dashboard_deliveries d WHERE d.dashboard_artifact_id LIKE 'odd%' AND d.status = 'dead'));
        is( $set_aside,
            $encoding eq 'UTF8' ? '' : "its dashboard's id cannot be converted to UTF-8",
            'one whose outcome could not be told is not sent');
        is( $test->sql(q(SELECT count(DISTINCT dashboard_artifact_id) FROM dashboard_events
                          WHERE event_type = 'delivery_dead')),
            $encoding eq 'UTF8' ? 1 : 2,
            'the dashboards tell');
        $test->snapshot('good', 20);
        $test->wait_for_requests(2, '/good');
        cmp_ok(peak_memory($listener), '<', 200, 'MB at most');
        unlike($listener->log_text, qr/claim_failed|database_unavailable|providers_unreadable/,
            'and nothing failed for it');
        $test->finish;
    };
}

sub peak_memory
{
    my ($process) = @_;
    my ($kilobytes) = slurp_file("/proc/$process->{pid}/status") =~ /^VmHWM:\s*(\d+) kB/m;
    return $kilobytes / 1024;
}

my $test = DashboardTest->new(name => 'locks', raw => 1);
$test->start_receiver;

subtest 'a claim that fails is narrowed down to the row' => sub {
    $test->dashboard_with_webhook('fine', '/fine');
    $test->dashboard_with_webhook('damaged', '/damaged/secret-path');
    my $function = $test->sql("SELECT pg_get_functiondef('sendable(text, integer)'::regprocedure)");
    $test->sql(q(UPDATE dashboards SET title = 'damaged' WHERE id = 'damaged';
        CREATE OR REPLACE FUNCTION sendable(given text, max_chars integer) RETURNS text
        LANGUAGE plpgsql STABLE STRICT AS $$
        BEGIN
          IF given = 'damaged' THEN
            RAISE data_corrupted USING MESSAGE = 'missing chunk number 0';
          END IF;
          RETURN given;
        END $$));
    $test->snapshot($_, 10) for 'damaged', 'fine';
    my $log = $test->deliver_once;
    is(scalar $test->requests('/fine'), 1, 'the others are sent');
    is(scalar $test->requests('/damaged/secret-path'), 0, 'it is not');
    like($log, qr/event=claim_failed reason="missing chunk number 0 .*" set_aside=1/, 'as is logged');
    is($test->delivery('damaged')->{last_error},
        'it cannot be read: missing chunk number 0 (SQLSTATE XX001)', 'and stored');
    $test->sql($function);
    $test->sql(q(SELECT redeliver(id) FROM dashboard_deliveries WHERE status = 'dead'));
    $test->deliver_once;
    is(scalar $test->requests('/damaged/secret-path'), 1, 'mended, it is sent');
};

subtest 'what a tenant holds locked is marked when he lets go, and stops nobody' => sub {
    my %path = (delivered => '/mallory', failed => '/status/503/mallory', gone => '/status/410/mallory');
    $test->sql(q(CREATE ROLE mallory; CREATE ROLE alice;
        GRANT INSERT, UPDATE, DELETE ON dashboards, dashboard_subscriptions, personas TO mallory;
        GRANT UPDATE (status, attempts, next_attempt_at, parked, finished_at), INSERT
           ON dashboard_deliveries TO mallory));
    for my $name (sort keys %path)
    {
        # What failed is not tried again before this test ends.
        my $id = $test->subscribe($test->dashboard($name),
            $test->url("$path{$name}?retry_after=36000"));
        $test->add_secret($path{$name}, $test->secret($id));
        $test->snapshot($name, 0);
        $test->sql("UPDATE dashboards SET owner = 'mallory' WHERE id = '$name';
                    UPDATE dashboard_subscriptions SET owner = 'mallory'
                     WHERE dashboard_artifact_id = '$name'");
        $test->snapshot($name, 10);
    }
    $test->dashboard_with_webhook('alice', '/alice');
    $test->dashboard_with_webhook('alice_gone', '/status/410/alice');

    my $mallory = $test->session;
    $mallory->query_safe('SET ROLE mallory; BEGIN');
    is($mallory->query_safe('SELECT count(*) FROM (SELECT FROM dashboard_deliveries FOR UPDATE) d'),
        3, 'deliveries are locked');
    $mallory->query_safe(q(UPDATE dashboard_subscriptions SET cooldown = '1 s';
                           SELECT id FROM dashboards FOR UPDATE));

    my $listener = $test->start_listener;
    for my $n (1 .. 3)
    {
        $test->snapshot('alice', $n * 10);
        $test->wait_for_requests($n, '/alice');
    }
    $test->snapshot('alice_gone', 10);
    $test->wait_for_sql(
        q(SELECT count(*), count(*) FILTER (WHERE status = 'pending') FROM dashboard_deliveries
           WHERE dashboard_artifact_id IN ('alice', 'alice_gone')), '4|0');
    $test->wait_for_requests(1, $_) for values %path;
    $test->wait_for_sql(
        q(SELECT string_agg(outcome, ' ' ORDER BY outcome) FROM dashboard_outcomes_put_off),
        'delivered gone retry');
    is($test->sql(q(SELECT count(*) FROM dashboard_deliveries WHERE status = 'pending')),
        3, 'what is locked is as it was');

    # Its end loses nothing: another listener sends none of that again.
    $listener->signal('KILL');
    wait_for(sub { !$listener->is_running }, 'its end');
    my $next = $test->start_listener;
    $test->sql(q(UPDATE dashboard_listeners SET seen_at = now() - interval '1 min'
                  WHERE seen_at < now() - interval '1 s'));
    $test->snapshot('alice', 40);
    $test->wait_for_requests(4, '/alice');

    $mallory->query_safe('COMMIT');
    $mallory->quit;
    $test->wait_for_sql('SELECT count(*) FROM dashboard_outcomes_put_off', '0');
    is( $test->sql(q(SELECT string_agg(dashboard_artifact_id || ' ' || status || ' ' || attempts, ', '
                                       ORDER BY dashboard_artifact_id)
                       FROM dashboard_deliveries WHERE target LIKE '%mallory?%')),
        'delivered delivered 1, failed pending 1, gone dead 1',
        'then all is marked');
    is(scalar $test->requests($_), 1, "$_ was sent once") for sort values %path;
    is( $test->sql(q(SELECT string_agg(dashboard_artifact_id || ' ' || outcome, ', '
                                       ORDER BY dashboard_artifact_id)
                       FROM dashboard_delivery_attempts
                      WHERE dashboard_artifact_id IN ('delivered', 'failed', 'gone'))),
        'failed retry, gone gone', 'and logged once');
    is( $test->sql(q(SELECT count(*), count(DISTINCT dashboard_artifact_id) FROM dashboard_events
                      WHERE event_type = 'subscription_off')), '2|2', 'and told once');

    # Whoever sees the dashboard reads no path, nor whoever reads the log.
    is($test->sql(q(SELECT count(*) FROM dashboard_events WHERE message ~ '/(mallory|alice|410)')),
        0, 'events hold no path');
    like($_->log_text, qr/target="http:\/\/127\.0\.0\.1:\d+ \([0-9a-f]{8}\)"/, 'a host and a hash')
      for $listener;
    unlike($_->log_text, qr{/mallory|/alice|/410}, 'the log holds no path') for $listener, $next;
    $next->stop;
};

subtest 'keys stay in the process' => sub {
    my $listener = $test->start_listener;
    my $proc = "/proc/$listener->{pid}";
    like(slurp_file("$proc/limits"), qr/^Max core file size +0 +0 /m, 'no core dumps');
    SKIP:
    {
        skip 'root reads everything', 2 if $> == 0;
        isnt((stat "$proc/mem")[4], $>, 'its memory is not of the user');
        ok(!open(my $memory, '<', "$proc/mem"), 'who does not read it');
    }
    my ($locked) = slurp_file("$proc/status") =~ /^VmLck:\s*(\d+) kB/m;
    ok($locked > 0 || $listener->log_text =~ /event=keys_may_be_swapped/,
        'keys are locked in memory, or it says that they are not');
    $listener->stop;
};

$test->finish;
