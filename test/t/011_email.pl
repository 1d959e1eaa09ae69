# Alerts by e-mail: through a relay, by TLS, and what becomes of a mail that it does not take.

use strict;
use warnings FATAL => 'all';
use utf8;

use Encode qw(encode_utf8);
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;
use DashboardTest::Certificates;
use DashboardTest::Provider;
use DashboardTest::Service;

$ENV{LC_ALL} = 'C';
my $test = DashboardTest->new;
my $certificates = DashboardTest::Certificates->new($test->dir);
my ($cert, $key) = $certificates->certificate('relay', 'DNS:localhost');
my ($other_cert, $other_key) = $certificates->certificate('other', 'DNS:mail.example.com');
my @trust = ('--ca-file' => $certificates->ca_file);
my @local = ('--allow-relay' => '127.0.0.0/8', '--allow-relay' => '::1');

my $login = 'alerts:pass word';
my $relay = DashboardTest::Service->start($test, 'fake_relay', '--cert' => $cert, '--key' => $key,
    '--login' => $login);
my $implicit = DashboardTest::Service->start($test, 'fake_relay', '--cert' => $cert,
    '--key' => $key, '--login' => $login, '--implicit');
my $plain = DashboardTest::Service->start($test, 'fake_relay');
my $forged = DashboardTest::Service->start($test, 'fake_relay', '--cert' => $other_cert,
    '--key' => $other_key);

sub relay_config
{
    my ($name, $service, $settings, $secret) = @_;
    return notification_config($test, 'SMTP', $name,
        { host => 'localhost', port => 0 + $service->port, from => 'alerts@example.com',
            %{ $settings // {} } },
        $secret);
}

my $names = 0;

# A dashboard with one alert for an address; returns the dashboard's id.
sub alert
{
    my ($address, $config, %row) = @_;
    my $id = 'board ' . ++$names;
    $test->dashboard($id);
    $test->sql("UPDATE dashboards SET title = " . hexed(encode_utf8($row{title})) . " WHERE id = '$id'")
      if defined $row{title};
    $test->sql("SELECT subscribe('$id', 'email', '$address', '" . any_change() . "',
        notification_config_id => " . ($config // 'NULL') . ')');
    my $row = hexed(encode_utf8($row{row} // 'row'));
    $test->sql("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        SELECT '$id', jsonb_build_array(jsonb_build_object('id', $row, 'score', score))
          FROM (VALUES (10), (15)) v (score)");
    return $id;
}

sub deliver
{
    my (@arguments) = @_;
    $test->make_all_due;
    my ($status, undef, $log) =
      $test->run_program($test->listener_command('--once', @arguments));
    is($status, 0, 'the listener ended well');
    unlike($log, qr/pass word|secret/, 'its log holds no secret and nothing of an answer');
    return $log;
}

sub outcome
{
    my ($dashboard) = @_;
    my $delivery = $test->delivery($dashboard);
    return join ' ', map { $_ // '' } @{$delivery}{qw(status http_status)};
}

my $usual = relay_config('usual', $relay,
    { username => 'alerts', from_name => 'Zahlen, taeglich', unsubscribe => 'https://example.com/stop' },
    'pass word');

subtest 'by STARTTLS, with a login' => sub {
    my $board = alert('ana@example.org', undef, title => 'Umsatz ↑ "EU", täglich');
    deliver(@local, @trust);
    is(outcome($board), 'delivered 250', 'delivered');
    my @mails = $relay->received;
    is(scalar @mails, 1, 'one mail');
    my ($mail) = @mails;
    is_deeply($mail->{recipients}, ['ana@example.org'], 'for one recipient');
    is($mail->{sender}, 'alerts@example.com', 'from the sender');
    ok($mail->{secure}, 'by TLS');
    is($mail->{user}, 'alerts', 'logged in');
    is($mail->{subject}, 'Umsatz ↑ "EU", täglich has changed', 'the subject');
    is($mail->{from}[0]{name}, 'Zahlen, taeglich', 'the name of the sender');
    is($mail->{from}[0]{address}, 'alerts@example.com', 'the address of the sender');
    is($mail->{to}[0]{address}, 'ana@example.org', 'the recipient in the header');
    like($mail->{text}, qr/^Umsatz .*has changed\n\nscore of row \+50\.0 %/, 'the plain text');
    like($mail->{html}, qr/<p>score of row \+50\.0 %/, 'the HTML');
    is($mail->{automatic}, 'auto-generated', 'it is no person that writes');
    is($mail->{list}{unsubscribe}{url}, 'https://example.com/stop', 'List-Unsubscribe');
    is_deeply([ grep { $_ eq 'list-unsubscribe-post' } @{ $mail->{headers} } ],
        ['list-unsubscribe-post'], 'List-Unsubscribe-Post');
    like($mail->{id}, qr/^<msg_\d+_\d+_\d+\@example\.com>$/, 'an id of the delivery');
};

subtest 'a repetition has the same id' => sub {
    my $board = alert('ben@example.org');
    deliver(@local, @trust);
    $test->sql("UPDATE dashboard_deliveries SET status = 'pending', finished_at = NULL
                 WHERE dashboard_artifact_id = '$board'");
    deliver(@local, @trust);
    my @ids = map { $_->{id} } grep { $_->{recipients}[0] eq 'ben@example.org' } $relay->received;
    is(scalar @ids, 2, 'two mails');
    is($ids[0], $ids[1], 'of one id');
};

subtest 'TLS from the start on' => sub {
    my $config = relay_config('implicit', $implicit, { security => 'tls', username => 'alerts' },
        'pass word');
    my $board = alert('ana@example.org', $config);
    deliver(@local, @trust);
    is(outcome($board), 'delivered 250', 'delivered');
    my ($mail) = $implicit->received;
    ok($mail->{secure}, 'by TLS');
    is($mail->{user}, 'alerts', 'logged in');
    $test->sql("UPDATE notification_configs SET is_active = false WHERE id = $config");
    $board = alert('ana@example.org', $config);
    deliver(@local, @trust);
    is($test->delivery($board)->{last_error},
        "notification config $config is not active, or not of type SMTP", 'until it is switched off');
    $test->sql("UPDATE dashboard_deliveries SET status = 'dead' WHERE dashboard_artifact_id = '$board'");
};

subtest 'no value of a row is a header, a recipient or a link' => sub {
    my $before = $relay->received;
    my $nasty = "x\r\nBcc: eve\@evil.com\r\n\r\nhttp://evil.com www.evil.com eve\@evil.com "
      . "</p><a href=\"http://evil.com\">";
    my $board = alert('ana@example.org', undef, title => $nasty, row => $nasty);
    deliver(@local, @trust);
    is(outcome($board), 'delivered 250', 'delivered');
    my $mail = ($relay->received)[-1];
    is(scalar $relay->received, $before + 1, 'one mail');
    is_deeply($mail->{recipients}, ['ana@example.org'], 'for one recipient');
    is(scalar(grep { $_ eq 'bcc' } @{ $mail->{headers} }), 0, 'no other header');
    is($mail->{links}, 0, 'a mail program finds no link in the text');
    unlike($mail->{html}, qr/<a\b/, 'no link in the HTML');
    like($mail->{subject}, qr/^x Bcc: .*has changed$/, 'it is a line of text');
};

subtest 'what the relay does not take' => sub {
    my $unknown = alert('unknown@example.org');
    my $later = alert('later@example.org');
    my $spam = alert('spam@example.org');
    deliver(@local, @trust);
    is(outcome($unknown), 'dead 550', 'a recipient that is unknown is given up');
    is($test->delivery($unknown)->{last_error}, 'SMTP 550 5.1.1 for the recipient', 'it says why');
    is(outcome($later), 'pending 451', 'later is later');
    is($test->delivery($later)->{last_error}, 'SMTP 451 4.3.0 for the recipient', 'it says why');
    is(outcome($spam), 'dead 554', 'a message that is refused is given up');
    is($test->delivery($spam)->{last_error}, 'SMTP 554 5.6.0 for the message', 'it says why');
    $test->sql("UPDATE dashboard_deliveries SET status = 'dead' WHERE status = 'pending'");
};

# Each of these fails, and says why.
sub fails
{
    my ($what, $config, $reason, @arguments) = @_;
    subtest $what => sub {
        my $board = alert('ana@example.org', $config);
        deliver(@arguments);
        is($test->delivery($board)->{status}, 'pending', 'to be tried again');
        like($test->delivery($board)->{last_error}, $reason, 'it says why');
        $test->sql("UPDATE dashboard_deliveries SET status = 'dead' WHERE status = 'pending'");
    };
    return;
}

my $count = sub { return map { scalar $_->received } $relay, $plain, $forged };
my @before = $count->();
fails('a wrong password', relay_config('wrong', $relay, { username => 'alerts' }, 'guess'),
    qr/^the relay refused the login$/, @local, @trust);
fails('a sender that the relay does not take',
    relay_config('sender', $relay, { username => 'alerts', from => 'forged@example.com' }, 'pass word'),
    qr/^SMTP 553 5\.1\.3 for the sender$/, @local, @trust);
fails('an authority that is not trusted', undef, qr/certificate/, @local);
fails('a certificate of another host', relay_config('other host', $forged), qr/certificate|host name/,
    @local, @trust);
fails('a relay without STARTTLS', relay_config('no starttls', $plain),
    qr/^the relay does not take STARTTLS$/, @local, @trust);
fails('a relay in a network that is not allowed', undef, qr/^address \S+ is not public$/, @trust);
fails('mail without TLS', relay_config('plain', $plain, { security => 'none' }),
    qr/^the relay is not to use TLS, and --allow-http was not given$/, @local);
fails('a password without TLS', relay_config('plain login', $plain, { security => 'none' }, 'pass word'),
    qr/^a login is only sent by TLS$/, @local, '--allow-http');
fails('credentials of another row', do {
        my $id = relay_config('moved', $relay, { username => 'alerts' });
        $test->sql("UPDATE notification_configs SET credentials =
            (SELECT credentials FROM notification_configs WHERE id = $usual) WHERE id = $id");
        $id;
    },
    qr/sealed for another row or with another key file$/, @local, @trust);
is_deeply([ $count->() ], \@before, 'none of them reached a recipient');

subtest 'without TLS, if it is asked for twice' => sub {
    my $config = $test->sql("SELECT id FROM notification_configs WHERE name = 'plain'");
    my $board = alert('ana@example.org', $config);
    deliver(@local, '--allow-http');
    is(outcome($board), 'delivered 250', 'delivered');
    is(scalar $plain->received, 1, 'one mail');
};

subtest 'a running listener learns of changes' => sub {
    my $listener =
      $test->start('listener', $test->listener_command(@local, @trust, '--poll' => 1));
    $listener->wait_for_log(qr/event=database_ready/);
    my $late = relay_config('late', $implicit, { security => 'tls', username => 'alerts' }, 'pass word');
    my $board = alert('late@example.org', $late);
    wait_for(
        sub {
            $test->make_all_due;
            return outcome($board) eq 'delivered 250';
        },
        'the mail by a relay that was not there before');
    is($listener->stop, 0, 'it ends');
};

subtest '--seal' => sub {
    my $seal = sub { return eval { seal($test, @_) } // $@ };
    like($seal->(7, "token\n"), qr/^sealed:v1:[A-Za-z0-9+\/]{44}$/, 'without the newline');
    isnt($seal->(7, 'token'), $seal->(7, 'token'), 'different every time');
    like($seal->(7, ''), qr/^exit status 65: .*the secret is empty/, 'not nothing');
    like($seal->(7, "\n"), qr/^exit status 65: .*the secret is empty/, 'not a newline');
    like($seal->(7, 'x' x 65536), qr/^sealed:v1:/, 'up to 64 kB');
    like($seal->(7, 'x' x 65537), qr/^exit status 65: .*longer than 64 kB/, 'and no more');
    like($seal->(0, 'x'), qr/^exit status 64/, 'for a row that can be');
};

is($_->stop, 0, 'a relay lived to the end') for $relay, $implicit, $plain, $forged;
$test->finish;
