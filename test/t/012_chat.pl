# Alerts by Slack and Telegram, against fakes that answer as the services document it.

use strict;
use warnings FATAL => 'all';
use utf8;

use Encode qw(encode_utf8);
use Test::More;

use DashboardTest;
use DashboardTest::Certificates;
use DashboardTest::Provider;
use DashboardTest::Service;

$ENV{LC_ALL} = 'C';
my $slack_token = 'xoxb-secret-1';
my $bot_token = '123456:secret_2';
my $test = DashboardTest->new;
my $certificates = DashboardTest::Certificates->new($test->dir);
my ($cert, $key) = $certificates->certificate('slack', 'IP:127.0.0.1');

my $slack = DashboardTest::Service->start($test, 'fake_slack', '--token' => $slack_token,
    '--cert' => $cert, '--key' => $key);
my $telegram = DashboardTest::Service->start($test, 'fake_telegram', '--token' => $bot_token);
my $slack_url = 'https://127.0.0.1:' . $slack->port;
my $telegram_url = 'http://127.0.0.1:' . $telegram->port;

my $workspace =
  notification_config($test, 'SLACK', 'workspace', { api_url => "$slack_url/api" }, $slack_token);
my $bot = notification_config($test, 'TELEGRAM', 'bot', { api_url => $telegram_url }, $bot_token);

my $names = 0;

# A dashboard with one alert for a subscriber; returns the dashboard's id.
sub alert
{
    my ($kind, $target, %options) = @_;
    my $id = "board " . ++$names;
    $test->dashboard($id);
    $test->sql("UPDATE dashboards SET title = " . hexed(encode_utf8($options{title} // 'Sales')) . "
                 WHERE id = '$id'");
    $test->sql("SELECT subscribe('$id', '$kind', '$target', '" . any_change() . "',
        notification_config_id => " . ($options{config} // 'NULL') . ')');
    my $row = hexed(encode_utf8($options{row} // 'row'));
    $test->sql("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
        SELECT '$id', jsonb_build_array(jsonb_build_object('id', $row, 'score', score))
          FROM (VALUES (10), (15)) v (score)");
    return $id;
}

my @logs;

sub deliver
{
    $test->make_all_due;
    push @logs, $test->deliver_once('--ca-file' => $certificates->ca_file);
    return;
}

# "status http_status reason" of a dashboard's delivery.
sub outcome
{
    my ($dashboard) = @_;
    my $delivery = $test->delivery($dashboard);
    return join ' ', grep { defined } @{$delivery}{qw(status http_status last_error)};
}

# How many seconds from now the delivery is due.
sub wait_of
{
    my ($dashboard) = @_;
    return $test->sql("SELECT ceil(extract(epoch FROM next_attempt_at - clock_timestamp()))
        FROM dashboard_deliveries WHERE dashboard_artifact_id = '$dashboard'");
}

sub give_up_pending
{
    $test->sql("UPDATE dashboard_deliveries SET status = 'dead' WHERE status = 'pending'");
    return;
}

my $nasty = "<!channel> \@here #x /start http://evil.com www.evil.com [x](http://y) "
  . "</code></b><a href=\"http://evil\">\r\n\x{202E}x";

subtest 'a message to a Slack channel' => sub {
    my $board = alert('slack', '#sales', title => 'Umsatz ↑ EU');
    deliver();
    is(outcome($board), 'delivered 200', 'delivered');
    my ($request) = $slack->received;
    is($request->{body}{channel}, '#sales', 'the channel');
    is($request->{body}{text}, 'Umsatz ↑ EU has changed: score of row +50.0 %', 'the text');
    is($request->{body}{blocks}[0]{text}{text},
        "*Umsatz ↑ EU has changed*\nscore of row +50.0 %", 'the block');
    like($request->{body}{metadata}{event_payload}{id}, qr/^msg_\d+_\d+_\d+$/, 'its id');
};

subtest 'what Slack does not take' => sub {
    my %board = map { $_ => alert('slack', "#$_") } qw(archived private unknown busy broken);
    deliver();
    is(outcome($board{archived}), 'dead 200 Slack: is_archived', 'an archived channel');
    is(outcome($board{unknown}), 'dead 200 Slack: channel_not_found', 'an unknown channel');
    is(outcome($board{private}), 'pending 200 Slack: not_in_channel', 'the bot can be invited');
    is(outcome($board{broken}), 'pending 503 HTTP 503', 'Slack is broken');
    is(outcome($board{busy}), 'pending 429 HTTP 429', 'too many messages');
    cmp_ok(wait_of($board{busy}), '>', 20, 'it waits as long as Slack says');
    deliver();
    is(outcome($board{$_}), 'delivered 200', "$_: delivered later") for qw(busy broken);
    give_up_pending();
    my $wrong = notification_config($test, 'SLACK', 'wrong', { api_url => "$slack_url/api" }, 'xoxb-secret-3');
    my $board = alert('slack', '#sales', config => $wrong);
    deliver();
    is(outcome($board), 'pending 200 Slack: invalid_auth', 'a token that is not valid');
    give_up_pending();
};

subtest 'incoming webhooks of Slack' => sub {
    my $hook = "$slack_url/services/T0/B0/secret";
    my %board = (
        own => alert('slack', $hook),
        gone => alert('slack', "$slack_url/services/T0/B0/gone"),
        busy => alert('slack', "$slack_url/services/T0/B0/busy"),
        sealed => alert('slack', '#label',
            config => notification_config($test, 'SLACK', 'hook', {}, $hook)),
        sealed_gone => alert('slack', '#label', config => notification_config(
                $test, 'SLACK', 'gone', {}, "$slack_url/services/T0/B0/gone")));
    deliver();
    is(outcome($board{own}), 'delivered 200', 'of the subscription: delivered');
    is(outcome($board{sealed}), 'delivered 200', 'of the config: delivered');
    is(outcome($board{busy}), 'pending 429 HTTP 429', 'too many messages');
    is(outcome($board{gone}), 'dead 404 HTTP 404, Slack: no_service', 'one that is no more');
    is(outcome($board{sealed_gone}), 'pending 404 HTTP 404, Slack: no_service', 'of the config: to be replaced');
    my $active = sub {
        return $test->sql("SELECT is_active FROM dashboard_subscriptions
                            WHERE dashboard_artifact_id = '$board{$_[0]}'");
    };
    is($active->('gone'), 'f', 'its subscription is switched off');
    is($active->('sealed_gone'), 't', 'not those by a config');
    give_up_pending();
};

subtest 'a message to a Telegram chat' => sub {
    my $board = alert('telegram', '-1001', title => 'Umsatz ↑ EU');
    deliver();
    is(outcome($board), 'delivered 200', 'delivered');
    my ($request) = $telegram->received;
    is($request->{body}{chat_id}, '-1001', 'the chat');
    like($request->{body}{text},
        qr/^<b>Umsatz ↑ EU has changed<\/b>\nscore of row \+50\.0 %\n<i>.*<\/i>$/, 'the text');
    ok($request->{body}{link_preview_options}{is_disabled}, 'no previews');
};

subtest 'what Telegram does not take' => sub {
    my %board = map { $_ => alert('telegram', $_) } qw(-403 -404 -429 -1);
    deliver();
    is(outcome($board{-403}), 'dead 403 the bot may not write to the chat any more', 'kicked');
    is($test->sql("SELECT is_active FROM dashboard_subscriptions
                    WHERE dashboard_artifact_id = '$board{-403}'"), 'f', 'it is switched off');
    is(outcome($board{-404}), 'dead 400 there is no such chat, or the bot is not in it', 'unknown');
    is(outcome($board{-1}), 'dead 400 the chat is now -1001234567890', 'a group that moved');
    is(outcome($board{-429}), 'pending 429 HTTP 429', 'too many messages');
    cmp_ok(wait_of($board{-429}), '>', 10, 'it waits as long as Telegram says');
    deliver();
    is(outcome($board{-429}), 'delivered 200', 'delivered later');
    for my $token ('123456:secret_4', '-no-token-')
    {
        my $wrong = notification_config($test, 'TELEGRAM', $token, { api_url => $telegram_url }, $token);
        my $board = alert('telegram', '-1001', config => $wrong);
        deliver();
        is(outcome($board), 'pending 401 the bot token is not valid', 'a token that is not valid');
        give_up_pending();
    }
    my $path = notification_config($test, 'TELEGRAM', 'path', { api_url => $telegram_url }, 'x/../secret');
    my $board = alert('telegram', '-1001', config => $path);
    deliver();
    is(outcome($board), 'pending the credentials are no bot token', 'nothing that leads elsewhere');
    give_up_pending();
};

subtest 'no value of a row mentions, links or commands' => sub {
    my @boards = map { alert(@{$_}, title => $nasty, row => $nasty) }
      [ 'slack', '#nasty' ], [ 'telegram', '-1002' ];
    deliver();
    is(outcome($_), 'delivered 200', 'delivered') for @boards;
    my ($in_slack) = grep { ($_->{body}{channel} // '') eq '#nasty' } $slack->received;
    my ($in_telegram) = grep { $_->{body}{chat_id} eq '-1002' } $telegram->received;
    for my $text (
        $in_slack->{body}{text},
        $in_slack->{body}{blocks}[0]{text}{text},
        $in_telegram->{body}{text} =~ s/<\/?[bi]>//gr)
    {
        unlike($text, qr/[<>]/, 'no markup');
        unlike($text, qr/[@#\/][A-Za-z]|:\/\/|[a-z]\.[a-z]/, 'nothing that is looked for');
        unlike($text, qr/\x{202E}/, 'in one direction');
    }
};

my $log = join '', @logs;
like($log, qr/event=delivered/, 'there is a log');
unlike($log, qr/secret|services/, 'it holds no token, no path of a webhook, nothing of an answer');
is($_->stop, 0, 'a service lived to the end') for $slack, $telegram;
$test->finish;
