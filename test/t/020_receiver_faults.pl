# Receivers that misbehave in every way, all at the same time: each gets its alerts in the end, and
# none keeps the others from theirs.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Certificates;
use DashboardTest::Faults;

my $test = DashboardTest->new(raw => 1, hosts => 16);
$test->start_receiver;
my $certificates = DashboardTest::Certificates->new($test->dir);

my $nobody_knows = 'a request without an answer may have been taken';
my $host = 1;    # the first is left to redirects

sub fault
{
    my ($name, $how, $dashboard, %options) = @_;
    return DashboardTest::Faults->new(
        $test,
        fault => $name,
        how => $how,
        dashboard => $dashboard,
        host => ++$host,
        %options);
}

my @faults = (
    fault('receiver hangs before headers', 'no byte of an answer to the first request',
        'hangs', before => '/first/1/hang', at_most => 1, may_repeat => $nobody_knows),
    fault('receiver trickles its headers', 'a byte a second, from the status line on',
        'trickles-head', before => '/first/1/drip_head', at_most => 1, may_repeat => $nobody_knows),
    fault('receiver trickles its body', '200, then a byte a second',
        'trickles-body', before => '/drip'),
    fault('receiver sends an endless body', '200, then 64 kB every 10 ms without end',
        'endless', before => '/flood'),
    fault('receiver resets', 'after the full request, without an answer',
        'resets', before => '/first/1/reset', at_most => 1, may_repeat => $nobody_knows),
    fault('receiver redirects to this machine', '307 to http://127.0.0.1',
        'redirects-here', before => '/first/1/status/307',
        query => '?location=' . $test->url('/trap')),
    fault('receiver redirects to the metadata service', '302 to http://169.254.169.254',
        'redirects-metadata', before => '/first/1/status/302',
        query => '?location=http://169.254.169.254/latest/meta-data'),
    fault('receiver is gone', '410, which switches the subscription off and says so in the thread',
        'gone', before => '/status/410', refused => 410),
);
my %patient = (
    seconds => fault('receiver wants time, in seconds', '429 with Retry-After: 8',
        'later-seconds', before => '/first/1/status/429', query => '?retry_after=8'),
    date => fault('receiver wants time, as a date', '429 with Retry-After: the date in 8 s',
        'later-date', before => '/first/1/status/429', query => '?retry_after_date=8'));

# A certificate of the right authority for another name.
my ($tls_receiver, $tls_port) = $test->run_receiver(undef, tls('wrong', 'DNS:other.example'));
my $tls = fault('receiver has a wrong TLS name',
    'a certificate of the right authority for another name', 'tls',
    url => "https://127.0.0.1:$tls_port/tls");

sub tls
{
    my ($file, $name) = @_;
    my ($certificate, $key) = $certificates->certificate($file, $name);
    return ('--tls-cert' => $certificate, '--tls-key' => $key);
}

# What fails at once must not be tried again at once.
my %poisoned = (
    'no URL' => 'http://127.0.0.1:99999/',
    'port 0' => 'http://127.0.0.1:0/',
    'no TLS' => $test->url('/') =~ s/^http/https/r,
    'no host' => 'http://no-such-host.invalid/');
my %poison = map {
    $_ => fault("target fails at once: $_",
        'until it is mended; no loop, but attempts by the schedule',
        'poison-' . tr/ /-/r, url => $poisoned{$_})
} sort keys %poisoned;

my $listener = $test->start_listener('--poll', 1, '--ca-file', $certificates->ca_file);
$_->alerts(1) for @faults, values %patient, $tls, values %poison;

subtest 'a certificate for another name is refused' => sub {
    wait_for(sub { $tls->deliveries('attempts') > 0 }, 'the first attempt');
    like($tls->deliveries('last_error'), qr/subject name|certificate/, 'it says why');
    is($tls->requests, 0, 'and gets no request');
    is($tls_receiver->stop, 0, 'it ends');
    ($tls_receiver) = $test->run_receiver($tls_port, tls('right', 'IP:127.0.0.1'));
    $tls->over;
    $tls->make_due;
    $tls->settle;
    is($tls_receiver->stop, 0, 'it lived to the end');
};

subtest 'a target of no use is tried by the schedule' => sub {
    for my $name (sort keys %poison)
    {
        my $dashboard = $poison{$name}{dashboard};
        my $state = "FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'";
        # The second attempt is due after five seconds, the third after five minutes.
        $test->wait_for_sql("SELECT status || ' ' || attempts $state", 'pending 2');
        is($test->sql("SELECT next_attempt_at > now() + interval '4 minutes' $state"),
            't', "$poisoned{$name}: the next attempt waits");
        my $log = $listener->log_text;
        my $attempts = () = $log =~ /event=failed dashboard=\Q$dashboard\E /g;
        is($attempts, 2, "$poisoned{$name}: two attempts, no loop");
        is($poison{$name}->requests, 0, "$poisoned{$name}: nobody heard of it");
        $poison{$name}->mend($poison{$name}->url(''));
        $poison{$name}->over;
        $poison{$name}->make_due;
        $poison{$name}->settle;
    }
};

for my $kind (sort keys %patient)
{
    subtest "Retry-After in $kind is waited for" => sub {
        my @requests = $patient{$kind}->settle;
        is(scalar @requests, 2, 'asked twice');
        # A date is exact to a second.
        cmp_ok(DashboardTest::Faults::at($requests[1]) - DashboardTest::Faults::at($requests[0]),
            '>=', $kind eq 'date' ? 7 : 8, 'not before it is time');
    };
}

for my $fault (@faults)
{
    subtest $fault->{fault} => sub { $fault->settle };
}

is($test->requests('/trap'), 0, 'no redirect was followed');

subtest 'the subscription of the receiver that is gone is off' => sub {
    is($test->sql("SELECT is_active FROM dashboard_subscriptions
                    WHERE dashboard_artifact_id = 'gone'"), 'f', 'it is not active');
    my $comments = $test->sql("SELECT content FROM artifact_comments
        WHERE artifact_id = 'gone' AND comment_type = 'subscription_off'");
    like($comments, qr/^Subscription \d+ of \S+ \(webhook \S+ \([0-9a-f]{8}\)\) is switched off: .*HTTP 410/,
        'a comment in the thread says so, and why');
    is($test->sql("SELECT message FROM dashboard_events
                    WHERE dashboard_artifact_id = 'gone' AND event_type = 'subscription_off'"),
        $comments, 'so does an event');
    $test->snapshot('gone', 1000);
    is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'gone'"),
        1, 'it is alerted no more');
};

is($listener->stop, 0, 'the listener ends when told to');

$test->finish;
