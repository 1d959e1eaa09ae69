# What becomes of a delivery whose endpoint does not say 2xx.

use strict;
use warnings FATAL => 'all';

use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use Test::More;

use DashboardTest;

$ENV{LC_ALL} = 'C';
my $test = DashboardTest->new;
$test->start_receiver;

# Tells the dashboard's subscribers of a change.
sub next_snapshot
{
    my ($dashboard) = @_;
    return $test->sql("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        SELECT '$dashboard', jsonb_build_array(jsonb_build_object('id', 'row', 'score',
            10 * (SELECT count(*) FROM dashboard_snapshots
                   WHERE dashboard_artifact_id = '$dashboard')))
        RETURNING id");
}

# A dashboard with one alert for a path of the receiver.
sub alert
{
    my ($dashboard, $path) = @_;
    my $subscription = $test->dashboard_with_webhook($dashboard, $path =~ s/\?.*//r);
    $test->sql("UPDATE dashboard_subscriptions SET subscriber_id = '"
          . $test->url($path)
          . "' WHERE id = $subscription");
    next_snapshot($dashboard);
    return $subscription;
}

# A dashboard with one alert for any URL.
sub alert_url
{
    my ($dashboard, $url) = @_;
    $test->dashboard($dashboard);
    my $subscription = $test->subscribe($dashboard, $url);
    next_snapshot($dashboard) for 1 .. 2;
    return $subscription;
}

# The wait before the next attempt in seconds, as [at least, at most]: by the server's clock
# before and after the attempts that $deliver makes.
sub wait_after
{
    my ($dashboard, $deliver) = @_;
    my $before = $test->sql('SELECT clock_timestamp()');
    $deliver->();
    return map { 0 + $_ } split /\|/, $test->sql("
        SELECT extract(epoch FROM next_attempt_at - clock_timestamp()),
               extract(epoch FROM next_attempt_at - '$before')
          FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'");
}

# That the wait chosen was from $low to $high: it lies between the two that were measured.
sub wait_is
{
    my ($wait, $low, $high, $what) = @_;
    my ($least, $most) = @{$wait};
    ok($most >= $low && $least <= $high, $what)
      or diag "a wait between $least s and $most s is not from $low s to $high s";
    return;
}

# Waits for its endpoint until the end of this file, while the rest goes on.
alert('no answer', '/hang/no_answer');
my $patient = $test->start_listener;
$test->wait_for_requests(1, '/hang/no_answer');
$patient->signal('TERM');    # so that it takes up nothing else
$patient->wait_for_log(qr/event=stopping in_flight=1 /);
# The listeners that come now must not find it once its time has come again.
$test->sql("UPDATE dashboard_deliveries SET subscriber_kind = 'persona'");

subtest 'an answer 503 leaves the delivery pending for about five seconds' => sub {
    alert('unavailable', '/flaky/1/unavailable');
    my @wait = wait_after('unavailable', sub { $test->deliver_once });
    my $delivery = $test->delivery('unavailable');
    is($delivery->{status}, 'pending', 'pending');
    is($delivery->{attempts}, 1, 'one attempt');
    is($delivery->{last_error}, 'HTTP 503', 'the reason');
    is($delivery->{http_status}, 503, 'the status');
    is($delivery->{$_}, undef, "no $_") for qw(finished_at);
    wait_is(\@wait, 4.5, 5.5, 'the next attempt is five seconds later, give or take a tenth');

    $test->sql("UPDATE dashboard_deliveries SET next_attempt_at = next_attempt_at + '1 hour'
                 WHERE dashboard_artifact_id = 'unavailable'");
    $test->deliver_once;
    is(scalar $test->requests('/flaky/1/unavailable'), 1, 'it is not tried before its time');
};

subtest 'the next attempt has the same webhook-id and the same body, byte for byte' => sub {
    $test->make_all_due;
    $test->deliver_once;
    my ($first, $second, @more) = $test->requests('/flaky/1/unavailable');
    is(scalar @more, 0, 'two requests');
    is($second->{id}, $first->{id}, 'the same webhook-id');
    is($second->{sha256}, $first->{sha256}, 'the same bytes');
    is_deeply($second->{problems}, [], 'verified again');
    cmp_ok($second->{timestamp}, '>=', $first->{timestamp}, 'its timestamp is its own');
    my $delivery = $test->delivery('unavailable');
    is("$delivery->{status} $delivery->{attempts}", 'delivered 2', 'delivered');
    is($delivery->{last_error}, undef, 'no error is left');
};

subtest 'after ten failed attempts a delivery is dead' => sub {
    my $subscription = alert('failing', '/status/500/failing');
    my @expected = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400);
    for my $attempt (1 .. 9)
    {
        my @wait = wait_after('failing', sub { $test->deliver_once });
        my $delivery = $test->delivery('failing');
        is("$delivery->{status} $delivery->{attempts}", "pending $attempt", "attempt $attempt");
        my $wait = $expected[ $attempt - 1 ];
        wait_is(\@wait, 0.9 * $wait, 1.1 * $wait, "then a wait of $wait s, give or take a tenth");
        $test->make_all_due;
    }
    $test->deliver_once;
    my $delivery = $test->delivery('failing');
    is("$delivery->{status} $delivery->{attempts}", 'dead 10', 'dead after the tenth');
    is($delivery->{last_error}, 'HTTP 500', 'the reason stays');
    ok(defined $delivery->{finished_at}, 'and when');
    is($test->sql("SELECT is_active FROM dashboard_subscriptions WHERE id = $subscription"),
        't', 'the subscription goes on');
    $test->deliver_once;
    my @requests = $test->requests('/status/500/failing');
    is(scalar @requests, 10, 'no eleventh request');
    is(scalar(grep { $_->{id} eq $requests[0]{id} } @requests), 10, 'all under one webhook-id');
};

subtest 'Retry-After is a lower bound' => sub {
    my $date = strftime('%a,%%20%d%%20%b%%20%Y%%20%H:%M:%S%%20GMT', gmtime(time + 3 * 3600));
    my @cases = (
        [ 'seconds', '/status/429/seconds?retry_after=7200', 7200, 7201 ],
        [ 'date', "/status/429/date?retry_after=$date", 10_790, 10_801 ],
        [ 'unavailable with it', '/status/503/after?retry_after=600', 600, 601 ],
        [ 'less than the schedule', '/status/429/less?retry_after=1', 4.5, 5.5 ],
        [ 'nonsense', '/status/429/nonsense?retry_after=soon', 4.5, 5.5 ],
        [ 'negative', '/status/429/negative?retry_after=-10', 4.5, 5.5 ],
        [ 'a date gone by', '/status/429/past?retry_after=Sat,%2001%20Jan%202000%2000:00:00%20GMT',
            4.5, 5.5 ],
        [ 'years', '/status/429/years?retry_after=999999999999999999999', 86_400, 86_401 ],
        [ 'not on 500', '/status/500/other?retry_after=7200', 4.5, 5.5 ],
    );
    alert($_->[0], $_->[1]) for @cases;
    my $before = $test->sql('SELECT clock_timestamp()');
    $test->deliver_once;
    for my $case (@cases)
    {
        my ($dashboard, undef, $low, $high) = @{$case};
        my @wait = map { 0 + $_ } split /\|/, $test->sql("
            SELECT extract(epoch FROM next_attempt_at - clock_timestamp()),
                   extract(epoch FROM next_attempt_at - '$before')
              FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'");
        wait_is(\@wait, $low, $high, $dashboard);
        is($test->delivery($dashboard)->{status}, 'pending', "$dashboard: pending");
    }
};

subtest 'an answer 410 ends the subscription' => sub {
    my $gone = alert('gone', '/status/410/gone');
    my $stays = $test->webhook('gone', '/stays');
    next_snapshot('gone');
    next_snapshot('gone');
    # Only the first alert's deliveries are due.
    $test->sql("UPDATE dashboard_deliveries SET next_attempt_at = now() + interval '1 hour'
                 WHERE dashboard_artifact_id = 'gone' AND alert_id <>
                       (SELECT min(id) FROM dashboard_alerts WHERE subscription_id = $gone)");
    $test->deliver_once;
    is(scalar $test->requests('/status/410/gone'), 1, 'one request');
    is( $test->sql("SELECT string_agg(concat_ws(' ', d.status, d.attempts, d.last_error), ', '
                                      ORDER BY d.id)
                      FROM dashboard_deliveries d JOIN dashboard_alerts a ON a.id = d.alert_id
                     WHERE a.subscription_id = $gone"),
        'dead 1 HTTP 410, dead 0 the subscription is switched off, dead 0 the subscription is switched off',
        'what was told and what was still to be told is dead');
    is( $test->sql("SELECT string_agg(id || ' ' || is_active, ', ' ORDER BY id)
                      FROM dashboard_subscriptions WHERE dashboard_artifact_id = 'gone'"),
        "$gone false, $stays true",
        'the subscription is off, the other one on');
    $test->sql("UPDATE dashboard_deliveries SET next_attempt_at = now()
                 WHERE dashboard_artifact_id = 'gone'");
    my $last = next_snapshot('gone');
    $test->deliver_once;
    is(scalar $test->requests('/status/410/gone'), 1, 'no further request');
    is(scalar $test->requests('/stays'), 3, 'the other subscriber hears of everything');
    is($test->sql("SELECT count(*) FROM dashboard_alerts
                    WHERE subscription_id = $gone AND snapshot_b = $last"),
        0, 'no further alert');
};

subtest 'a redirect is a failure and is not followed' => sub {
    my %answer = (
        moved => '/status/301/moved',
        found => '/redirect/found',
        'see other' => '/status/303/other',
        temporary => '/status/307/temporary',
        permanent => '/status/308/permanent');
    alert($_, $answer{$_}) for sort keys %answer;
    $test->deliver_once;
    for my $dashboard (sort keys %answer)
    {
        my $delivery = $test->delivery($dashboard);
        is("$delivery->{status} $delivery->{attempts}", 'pending 1', "$dashboard: failed");
        like($delivery->{last_error}, qr/^HTTP 30\d .*redirect/, "$dashboard: it says why");
        is(scalar $test->requests($answer{$dashboard}), 1, "$dashboard: asked once");
    }
    is_deeply([ map { $_->{path} } grep { $_->{path} =~ m{^/redirected} } $test->requests ],
        [], 'where they lead to is never asked');
};

subtest 'other answers count by their class' => sub {
    my %expected = (
        200 => 'delivered', 201 => 'delivered', 202 => 'delivered', 299 => 'delivered',
        304 => 'pending', 400 => 'pending', 401 => 'pending', 404 => 'pending', 500 => 'pending');
    alert("status $_", "/status/$_/answer") for sort keys %expected;
    $test->deliver_once;
    for my $status (sort keys %expected)
    {
        my $delivery = $test->delivery("status $status");
        is("$delivery->{status} $delivery->{http_status}", "$expected{$status} $status",
            "$status: $expected{$status}");
    }
};

subtest 'a broken endpoint does not keep others from being told' => sub {
    my $port_of_nobody = PostgreSQL::Test::Cluster::get_free_port();
    my %url = (
        silent => $test->url('/hang/silent'),
        endless => $test->url('/flood/endless'),
        reset => $test->url('/reset/reset'),
        failing => $test->url('/status/500/mixed'),
        refused => "http://127.0.0.1:$port_of_nobody/",
        unknown => 'http://no-such-host.invalid/',
        'no tls' => $test->url('/tls') =~ s/^http:/https:/r,
        good => $test->url('/good'));
    $test->dashboard('mixed');
    my %subscription =
      map { $_ => $test->subscribe('mixed', $url{$_}) } grep { $_ ne 'good' } sort keys %url;
    $subscription{good} = $test->webhook('mixed', '/good');    # the last one in the outbox
    $test->add_secret('/endless', $test->secret($subscription{endless}));
    next_snapshot('mixed');

    my $state = sub {
        return $test->sql("SELECT concat_ws(' ', d.status, attempts,
                                   CASE WHEN EXISTS (SELECT FROM dashboard_leases l
                                                      WHERE (d.dashboard_artifact_id, d.id, d.attempts)
                                                            IN (SELECT * FROM unnest(l.dashboards, l.deliveries, l.attempts)))
                                        THEN 'leased' ELSE '' END)
                             FROM dashboard_deliveries d JOIN dashboard_alerts a ON a.id = alert_id
                            WHERE subscription_id = $subscription{$_[0]}");
    };
    my $error = sub {
        return $test->sql("SELECT last_error
                             FROM dashboard_deliveries d JOIN dashboard_alerts a ON a.id = alert_id
                            WHERE subscription_id = $subscription{$_[0]}");
    };
    my $listener = $test->start_listener;
    next_snapshot('mixed');
    wait_for(sub { $state->('good') eq 'delivered 1 ' }, 'the good subscriber to be told');
    like($state->('silent'), qr/^pending . leased$/, 'told while a silent one is waited for');

    my %reason = (
        reset => qr/^connection (?:broken|closed without an answer)$/,
        failing => qr/^HTTP 500$/,
        refused => qr/^connection refused$/,
        unknown => qr/^host name not found$/,
        'no tls' => qr/\S/);
    for my $which (sort keys %reason)
    {
        wait_for(sub { $error->($which) =~ /\S/ }, "the end of the attempt at $which");
        like($state->($which), qr/^pending [1-9]/, "$which: to be tried again");
        like($error->($which), $reason{$which}, "$which: it says why");
    }
    wait_for(sub { $state->('endless') eq 'delivered 1 ' }, 'the endless answer');
    pass('endless: its 200 counts, its body is not read to an end');
    my @endless = $test->requests('/flood/endless');
    is(scalar @endless, 1, 'endless: told once');
    is(scalar $test->requests('/good'), 1, 'the good subscriber is told once');
    $listener->signal('TERM');
    $listener->wait_for_log(qr/event=stopping in_flight=1 /);
    like($state->('silent'), qr/^pending . leased$/, 'SIGTERM waits for the silent one');
    is($listener->stop, 143, 'a second SIGTERM does not');
    $test->sql("UPDATE dashboard_deliveries SET status = 'dead'
                 WHERE dashboard_artifact_id = 'mixed' AND status = 'pending'");
};

subtest 'without the flags nothing leaves for this machine' => sub {
    my $before = $test->requests;
    my ($port) = $test->url('') =~ /(\d+)$/;
    my %url = (
        'the address' => "http://127.0.0.1:$port/refused",
        'another loopback address' => "http://127.3.2.1:$port/refused",
        'its name' => "http://localhost:$port/refused",
        'a short form' => "http://127.1:$port/refused",
        'one number' => "http://2130706433:$port/refused",
        'in hexadecimal' => "http://0x7f000001:$port/refused",
        'in octal' => "http://0177.0.0.1:$port/refused",
        'the address of no interface' => "http://0.0.0.0:$port/refused",
        'IPv6' => "http://[::1]:$port/refused",
        'mapped' => "http://[::ffff:127.0.0.1]:$port/refused",
        'IPv6 of no interface' => "http://[::]:$port/refused",
        'link-local' => 'http://169.254.169.254/latest/meta-data',
        'private' => "http://10.0.0.1:$port/refused",
        'unique local' => "http://[fd00::1]:$port/refused",
        'IPv6 link-local' => "http://[fe80::1]:$port/refused",
        'translated' => "http://[64:ff9b::7f00:1]:$port/refused",
        'carrier-grade NAT' => "http://100.64.0.1:$port/refused");
    alert_url($_, $url{$_}) for sort keys %url;
    my $run = sub {
        $test->make_all_due;
        my ($status) = $test->run_program($test->listener_command('--once', @_));
        is($status, 0, "--once @_");
    };
    $run->('--allow-http');
    for my $what (sort keys %url)
    {
        my $delivery = $test->delivery($what);
        is("$delivery->{status} $delivery->{attempts}", 'pending 1', "$what: refused");
        like(
            $delivery->{last_error},
            qr/^address \S+ is not public$|^host name not found$/,
            "$what: it says why");
    }
    $run->('--allow-http', '--allow-network', '192.168.0.0/16');
    like($test->delivery('the address')->{last_error},
        qr/^address 127\.0\.0\.1 is not public$/, 'another network does not help');
    $run->('--allow-network', '127.0.0.0/8');
    my $delivery = $test->delivery('the address');
    is("$delivery->{status} $delivery->{attempts}", 'pending 3', 'plain http: refused');
    like($delivery->{last_error}, qr/not https.*--allow-http/, 'plain http: it says why');
    is(scalar $test->requests, $before, 'nothing reached the receiver');

    $test->add_secret('/refused', $test->secret($test->sql(
        "SELECT id FROM dashboard_subscriptions WHERE dashboard_artifact_id = 'the address'")));
    $run->('--allow-http', '--allow-network', '127.0.0.1');
    is($test->delivery('the address')->{status}, 'delivered', 'with both flags it arrives');
};

subtest 'an endpoint that never answers is a failure' => sub {
    is($patient->wait_for_end, 0, 'it is waited for, but not for ever');
    my $delivery = $test->delivery('no answer');
    is("$delivery->{status} $delivery->{attempts}", 'pending 1', 'to be tried again');
    like($delivery->{last_error}, qr/^timeout after \d+ s$/, 'it says why');
    is($delivery->{http_status}, undef, 'there was no status');
};

$test->finish;
