# Notices of dashboards' health on their way: to owners by Telegram and e-mail, to a policy's channels.

use strict;
use warnings FATAL => 'all';
use utf8;

use Encode qw(encode_utf8);
use Test::More;

use DashboardTest;
use DashboardTest::Provider;
use DashboardTest::Service;

$ENV{LC_ALL} = 'C';
my $bot_token = '123456:secret_2';
my $test = DashboardTest->new(raw => 1);
$test->start_receiver;
my $telegram = DashboardTest::Service->start($test, 'fake_telegram', '--token' => $bot_token);
my $relay = DashboardTest::Service->start($test, 'fake_relay');

my $bot = notification_config($test, 'TELEGRAM', 'bot',
    { api_url => 'http://127.0.0.1:' . $telegram->port }, $bot_token);
# Where nobody listens.
my $mail = notification_config($test, 'SMTP', 'relay',
    { host => '127.0.0.1', port => 1, from => 'alerts@example.com', security => 'none' });

$test->sql(q(
    CREATE ROLE ana; CREATE ROLE ben; CREATE ROLE cleo; CREATE ROLE dora; CREATE ROLE eva;
    INSERT INTO user_dashboard_preferences (user_name, telegram_id, email_address) VALUES
      ('ana', '1001', NULL), ('cleo', NULL, 'cleo@example.org'), ('dora', '1004', NULL),
      ('eva', '-403', NULL)));
for my $board ([ zeta => 'Umsatz ↑ EU', 'ana' ], [ alpha => '', 'ana' ], [ of_ben => '', 'ben' ],
    [ of_cleo => '', 'cleo' ], [ of_dora => '', 'dora' ], [ of_eva => '', 'eva' ])
{
    my ($id, $title, $owner) = @{$board};
    $test->sql("INSERT INTO dashboards (id, title, owner) VALUES ('$id', "
          . hexed(encode_utf8($title)) . ", '$owner')");
}

my $names = 0;

# A policy whose window is any time of the day; returns its id.
sub policy
{
    my ($name, $dashboards, @channels) = @_;
    my $channels = join ', ', map { qq({"type": "$_->[0]", "target": "$_->[1]"}) } @channels;
    my $hour = $names++;
    return $test->sql("INSERT INTO validation_policies
        (name, dashboard_ids, window_start, window_end, custom_channels)
        VALUES ('$name', '$dashboards', '$hour:00', '$hour:59', '[$channels]') RETURNING id");
}

# A window of a policy, in which each check found what is said.
sub window
{
    my ($policy, $day, %results) = @_;
    $test->sql("INSERT INTO validation_windows (policy_id, window_date, starts_at, ends_at, plan_key)
        VALUES ($policy, '$day', '$day 00:00', '$day 01:00', '')");
    while (my ($dashboard, $result) = each %results)
    {
        my ($status, $summary) = @{$result};
        $test->sql("WITH task AS (
              INSERT INTO validation_tasks
                (dashboard_id, policy_id, window_date, environment_id, scheduled_at, status)
              VALUES ('$dashboard', $policy, '$day', 'default', '$day 00:30', 'done') RETURNING id)
            INSERT INTO validation_records (dashboard_id, task_id, policy_id, status, summary)
            SELECT '$dashboard', id, $policy, '$status', " . hexed(encode_utf8($summary)) . " FROM task");
    }
    return;
}

sub route { return $test->sql('SELECT route_health_notices(now())') }

# "status http_status reason" of the delivery to a target.
sub outcome
{
    my ($target) = @_;
    return $test->sql("SELECT concat_ws(' ', status, http_status, last_error)
        FROM dashboard_deliveries WHERE target = '$target' ORDER BY id DESC LIMIT 1");
}

# What the bot said in a chat.
sub told
{
    my ($chat) = @_;
    return grep { $_->{status} == 200 && $_->{body}{chat_id} eq $chat } $telegram->received;
}

my $hook = '/hook/health';
my $nightly = policy('nightly', '{zeta,alpha,of_ben,of_cleo,of_dora}', [ 'Webhook', $test->url($hook) ]);

subtest 'each owner is told, whatever becomes of the others' => sub {
    $test->add_secret($hook, $test->secret("policy:$nightly"));
    window($nightly, '2026-03-01', alpha => [ 'FAIL', '12 rows, at least 20 expected' ],
        of_ben => [ 'FAIL', 'none' ], of_cleo => [ 'FAIL', 'old <b>' ], of_dora => [ 'PASS', 'fine' ]);
    is(route(), 3, 'a message to ana, one to cleo, one to the webhook');
    is(route(), 0, 'and no other');
    my $log = $test->deliver_once;
    my @messages = told('1001');
    is(scalar @messages, 1, 'one message to the owner with a Telegram id');
    is($messages[0]{body}{text},
        "<b>alpha is failing: nightly</b>\n12 rows, at least 20 expected\n"
          . '<i>Policy nightly, window of 2026-03-01</i>', 'its text');
    is(scalar told('1004'), 0, 'none to the owner whose dashboard is well');
    is(outcome('1001'), 'delivered 200', 'delivered');
    is(outcome('cleo@example.org'), 'pending connection refused', 'a dead relay: to be tried again');
    is($test->sql("SELECT message FROM dashboard_events WHERE event_type = 'owner_not_told'"),
        'Owner ben was not told that of_ben is failing (policy nightly): '
          . 'user_dashboard_preferences has no row for the role.', 'no profile: an event');
    like($log, qr/event=delivered .*policy=$nightly /, 'the log names the policy');
    unlike($log, qr/secret/, 'and no secret');
};

subtest 'the webhook' => sub {
    my ($request) = $test->requests($hook);
    ok($request->{verified}, 'the Standard Webhooks library verifies it');
    ok($request->{hub_verified}, 'so does X-Hub-Signature-256');
    is_deeply($request->{problems}, [], 'nothing else is wrong with it');
    my $body = $request->{body};
    is($body->{type}, 'dashboard.health', 'type');
    is($body->{policy_id}, $nightly, 'policy_id');
    is($body->{policy}, 'nightly', 'policy');
    is($body->{window_date}, '2026-03-01', 'window_date');
    is($body->{title}, '3 dashboards failing: nightly', 'title');
    is_deeply(
        [ map { [ @{$_}{qw(dashboard_id status was summary)} ] } @{ $body->{dashboards} } ],
        [
            [ 'alpha', 'FAIL', undef, '12 rows, at least 20 expected' ],
            [ 'of_ben', 'FAIL', undef, 'none' ],
            [ 'of_cleo', 'FAIL', undef, 'old <b>' ]
        ],
        'dashboards');
    is($body->{more}, 0, 'more');
    my ($status, $output) = $test->tamper_check($request);
    is($status, 0, 'the tamper check passes') or note $output;
};

subtest 'the secret of a policy' => sub {
    my $secret = $test->secret("policy:$nightly");
    like($secret, qr/^whsec_[A-Za-z0-9+\/]{43}=$/, 'is one of Standard Webhooks');
    isnt($test->secret('policy:' . policy('other', '{of_eva}')), $secret, 'each policy has its own');
    my ($status, $out, $error) =
      $test->run_program($test->listener_command('--print-secret' => 'policy:4711'));
    is($status, 65, 'a policy that does not exist: exit status');
    is($out, '', 'nothing is printed');
    like($error, qr/event=no_such_policy policy=4711/, 'it says so');
};

subtest 'redeliver()' => sub {
    my $id = $test->sql("SELECT id FROM dashboard_deliveries WHERE subscriber_kind = 'webhook'");
    is($test->sql("SELECT redeliver($id)"), 't', 'is done');
    $test->deliver_once;
    my @requests = $test->requests($hook);
    is(scalar @requests, 2, 'sent again');
    is($requests[1]{id}, $requests[0]{id}, 'under the same id');
    is($requests[1]{raw}, $requests[0]{raw}, 'the same bytes');
};

subtest 'once the relay is there again' => sub {
    $test->sql("UPDATE notification_configs SET settings = settings || '{\"port\": "
          . $relay->port . "}' WHERE id = $mail");
    $test->make_all_due;
    $test->deliver_once;
    is(outcome('cleo@example.org'), 'delivered 250', 'delivered');
    my ($message) = $relay->received;
    is($message->{subject}, 'of_cleo is failing: nightly', 'the subject');
    is($message->{text}, "of_cleo is failing: nightly\n\nold <b>\n\nPolicy nightly, window of 2026-03-01\n",
        'the text');
    like($message->{html}, qr/<p>old &lt;b&gt;<\/p>/, 'the HTML');
};

subtest 'several dashboards are one message, failing first; a running listener hears of it' => sub {
    # It would not look by itself for an hour.
    my $listener = $test->start_listener('--poll' => 3600);
    window($nightly, '2026-03-02', alpha => [ 'PASS', '3 checks passed' ], zeta => [ 'FAIL', "\@all 1/0\nhttp://evil.com" ],
        of_dora => [ 'PASS', 'fine' ]);
    is(route(), 2, 'a message to ana, one to the webhook');
    wait_for(sub { outcome('1001') =~ /^delivered/ && $test->requests($hook) == 3 }, 'both messages');
    my @messages = told('1001');
    is(scalar @messages, 2, 'one message more');
    my $text = $messages[1]{body}{text} =~ s/\x{2060}//gr;
    is($text,
        "<b>1 dashboard failing, 1 recovered: nightly</b>\n"
          . "• Umsatz ↑ EU is failing: \@all 1/0 http://evil.com\n"
          . "• alpha has recovered: 3 checks passed\n"
          . '<i>Policy nightly, window of 2026-03-02</i>', 'failing first');
    unlike($messages[1]{body}{text}, qr/\@all|:\/\/|evil\.com/, 'nothing that is looked for');
    is_deeply([ map { $_->{was} } @{ ($test->requests($hook))[2]{body}{dashboards} } ],
        [ undef, 'FAIL' ], 'what was told last');
    is($listener->stop, 0, 'it ends');
};

subtest 'a bot token that is not valid stops nobody else' => sub {
    my $set_token = sub {
        my $sealed = seal($test, $bot, $_[0]);
        $test->sql("UPDATE notification_configs SET credentials = '$sealed' WHERE id = $bot");
    };
    $set_token->('123456:wrong');
    window($nightly, '2026-03-03', of_dora => [ 'FAIL', 'none' ], of_cleo => [ 'PASS', 'fine' ]);
    is(route(), 3, 'a message to dora, one to cleo, one to the webhook');
    $test->deliver_once;
    is(outcome('1004'), 'pending 401 the bot token is not valid', 'it shows');
    is(outcome('cleo@example.org'), 'delivered 250', 'the mail is delivered');
    is(scalar $test->requests($hook), 4, 'and the webhook');
    $set_token->($bot_token);
    $test->make_all_due;
    $test->deliver_once;
    is(outcome('1004'), 'delivered 200', 'delivered once it is right');
    is(scalar told('1004'), 1, 'one message');
};

subtest 'a receiver that is gone' => sub {
    my $gone = $test->url('/status/410/gone');
    my $policy = policy('evening', '{of_eva}', [ 'webhook', $gone ]);
    window($policy, '2026-03-01', of_eva => [ 'FAIL', 'none' ]);
    is(route(), 2, 'two messages');
    $test->deliver_once;
    is(outcome('-403'), 'dead 403 the bot may not write to the chat any more', 'Telegram');
    is(outcome($gone), 'dead 410 HTTP 410', 'webhook');
    is($test->sql("SELECT count(*) FROM dashboard_events
                    WHERE dashboard_artifact_id = 'of_eva' AND event_type = 'owner_not_told'"),
        2, 'an event each');
};

is($_->stop, 0, 'a service lived to the end') for $telegram, $relay;
$test->finish;
