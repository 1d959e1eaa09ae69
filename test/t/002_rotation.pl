# Secrets: who derives them, how they are replaced, and what the command line says.

use strict;
use warnings FATAL => 'all';

use File::stat;
use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new;
$test->start_receiver;
my $dir = $test->dir;

sub print_secret
{
    my ($key_file, $subscription, @arguments) = @_;
    return $test->run_program(
        'dashboard_diff_listener', '--dsn', $test->dsn, '--key-file', $key_file,
        '--print-secret', $subscription, @arguments);
}

my $subscription = $test->dashboard_with_webhook('rotated', '/before');
$test->sql("UPDATE dashboard_subscriptions SET subscriber_id = '" . $test->url('/hook') . "'");
my $old_secret = $test->secret($subscription);
my $new_secret;
my $value = 0;

# Tells the subscriber once more; the request as received.
sub next_request
{
    my $before = $test->requests('/hook');
    $value += 10;
    $test->snapshot('rotated', $value);
    $test->deliver_once;
    my @requests = $test->requests('/hook');
    is(scalar @requests, $before + 1, 'one request arrives');
    return $requests[-1];
}

subtest 'before a rotation there is one signature' => sub {
    $test->add_secret('/hook', $old_secret);
    my $request = next_request();
    is_deeply($request->{verified_by}, [0], 'made with the first secret');
    is($request->{hub_by}{index}, 0, 'so is X-Hub-Signature-256');
};

subtest 'within the grace both secrets verify one request' => sub {
    is($test->sql("SELECT rotate_webhook_secret($subscription)"), 2, 'the second version');
    is( $test->sql("SELECT previous_secret_until - now() BETWEEN '23 hours' AND '24 hours'"
              . " FROM dashboard_subscriptions"),
        't', 'the grace is a day unless said otherwise');
    $new_secret = $test->secret($subscription);
    isnt($new_secret, $old_secret, '--print-secret prints another one');
    $test->add_secret('/hook', $new_secret);
    my $request = next_request();
    is_deeply($request->{verified_by}, [ 0, 1 ], 'a receiver that knows either accepts it');
    is($request->{hub_by}{index}, 1, 'X-Hub-Signature-256, which holds one, is of the new secret');
};

subtest 'after the grace only the new secret verifies' => sub {
    $test->sql(
        "UPDATE dashboard_subscriptions SET previous_secret_until = now() - interval '1 second'");
    my $request = next_request();
    is_deeply($request->{verified_by}, [1], 'the old secret is worth nothing any more');
    is($request->{hub_by}{index}, 1, 'for X-Hub-Signature-256 as well');
};

subtest 'a running listener signs with the new secret at once' => sub {
    my $listener = $test->start_listener;
    $test->sql("SELECT rotate_webhook_secret($subscription, '0 s')");
    $test->add_secret('/hook', $test->secret($subscription));
    my $before = $test->requests('/hook');
    $test->snapshot('rotated', $value += 10);
    my @requests = $test->wait_for_requests($before + 1, '/hook');
    is_deeply($requests[-1]{verified_by}, [2], 'and, without a grace, with no other');
    is($listener->stop, 0, 'it ends when told to');
};

subtest 'rotating what does not exist changes nothing' => sub {
    is($test->sql('SELECT rotate_webhook_secret(4711) IS NULL'), 't', 'null');
};

subtest 'a secret belongs to one subscription and one key file' => sub {
    my $other = $test->subscribe('rotated', $test->url('/other'));
    my $secret = $test->secret($subscription);
    like($secret, qr{^whsec_[A-Za-z0-9+/]{43}=$}, '32 bytes in the form of Standard Webhooks');
    is($test->secret($subscription), $secret, 'it is the same each time');
    isnt($test->secret($other), $secret, 'another subscription has another one');
    my ($status, $elsewhere) = print_secret("$dir/another.key", $subscription);
    is($status, 0, 'another key file is made');
    isnt($elsewhere, "$secret\n", 'and gives another secret');
    my $dump = $test->sql('SELECT string_agg(s::text, chr(10)) FROM dashboard_subscriptions s');
    my ($bare) = $secret =~ /^whsec_(.*)$/;
    unlike($dump, qr/\Q$bare\E/, 'the database does not hold it');
    $test->sql("SELECT unsubscribe($other)");
};

subtest 'a subscription that does not exist has no secret' => sub {
    my ($status, $out, $error) = print_secret("$dir/listener.key", 4711);
    is($status, 65, 'EX_DATAERR');
    is($out, '', 'nothing is printed');
    like($error, qr/no_such_subscription/, 'it says why');
};

subtest 'the key file is made once, for its owner only' => sub {
    my $file = "$dir/made/here/listener.key";
    my $umask = umask 0;
    my ($status, $secret, $log) = print_secret($file, $subscription);
    umask $umask;
    is($status, 0, 'made where there was none, directories too');
    like($log, qr/event=key_created/, 'it says so');
    is(stat($file)->mode & 07777, 0400, 'readable for its owner, writable for nobody');
    is(stat("$dir/made/here")->mode & 07777, 0700, 'its directory is private');
    like(slurp_file($file), qr{^[A-Za-z0-9+/]{43}=\n$}, '32 bytes as base64');
    my $content = slurp_file($file);
    my (undef, $again, $second_log) = print_secret($file, $subscription);
    is($again, $secret, 'the same secret the next time');
    is(slurp_file($file), $content, 'the file is as it was');
    unlike($second_log, qr/event=key_created/, 'none is made again');
    is_deeply([ grep { !/^\./ } slurp_dir("$dir/made/here") ],
        ['listener.key'], 'no other file is left');
};

subtest 'an unfit key file is refused' => sub {
    my $good = 'A' x 43 . "=\n";
    my %file = (
        'readable for the group' => [ $good, 0440, 'has mode 0440' ],
        'readable for all' => [ $good, 0444, 'has mode 0444' ],
        'writable' => [ $good, 0600, 'has mode 0600' ],
        'not readable' => [ $good, 0000, 'could not open|has mode 0000' ],
        'empty' => [ '', 0400, '32 bytes' ],
        'too short' => [ substr($good, 4), 0400, '32 bytes' ],
        'too long' => [ "AAAA$good", 0400, '32 bytes' ],
        'not base64' => [ '!' x 43 . "=\n", 0400, '32 bytes' ],
        'of two lines' => [ $good . $good, 0400, '32 bytes' ],
    );
    my $n = 0;
    for my $what (sort keys %file)
    {
        my ($content, $mode, $reason) = @{ $file{$what} };
        my $name = "$dir/unfit" . ++$n;
        append_to_file($name, $content);
        chmod $mode, $name or die "chmod: $!";
        my ($status, $out, $error) = print_secret($name, $subscription);
        is($status, 78, "$what: EX_CONFIG");
        is($out, '', "$what: no secret is printed");
        like($error, qr/event=unfit_key_file .*(?:$reason)/, "$what: it says why");
        chmod 0600, $name;
        is(slurp_file($name), $content, "$what: the file is left alone");
    }
    my ($status, undef, $error) = print_secret($dir, $subscription);
    is($status, 78, 'a directory: EX_CONFIG');
    ($status) = print_secret('/dev/null', $subscription);
    is($status, 78, 'a device: EX_CONFIG');
    ($status) = print_secret('/proc/version/listener.key', $subscription);
    is($status, 78, 'a place where no file can be: EX_CONFIG');
    chmod 0400, "$dir/unfit1";
    my @once = $test->run_program('dashboard_diff_listener', '--dsn', $test->dsn,
        '--key-file', "$dir", '--once');
    is($once[0], 78, '--once does not go on without a key either');
};

subtest '--help and --version need nothing' => sub {
    local %ENV = (PATH => $ENV{PATH});
    my ($status, $out, $error) = $test->run_program('dashboard_diff_listener', '--help');
    is("$status$error", '0', '--help succeeds');
    like($out, qr/^Usage: dashboard_diff_listener/m, 'it says how to use it');
    for my $option (
        qw(dsn key-file once concurrency allow-network allow-http poll print-secret help version))
    {
        like($out, qr/--$option\b/, "it tells of --$option");
    }
    ($status, $out, $error) = $test->run_program('dashboard_diff_listener', '--version');
    is("$status$error", '0', '--version succeeds');
    like($out, qr/^dashboard_diff_listener \d+\.\d+\S*\n\z/, 'it is one line');
    is(
        (split / /, $out)[1],
        $test->sql("SELECT extversion FROM pg_extension WHERE extname = 'dashboard_diff'") . "\n",
        'the version of the extension that it goes with');
};

subtest 'what the command line cannot mean is refused' => sub {
    my @bad = (
        ['--no-such-option'],
        ['-x'],
        ['a_word'],
        ['--dsn'],
        [ '--dsn', 'host=x nonsense=1' ],
        [ '--dsn', 'postgresql://[::1/bi' ],
        [ '--key-file', '' ],
        [ '--concurrency', '0' ],
        [ '--concurrency', '-1' ],
        [ '--concurrency', '8x' ],
        [ '--concurrency', '1001' ],
        [ '--concurrency', '99999999999999999999' ],
        [ '--allow-network', '127.0.0.0/33' ],
        [ '--allow-network', 'localhost' ],
        [ '--allow-network', '' ],
        [ '--poll', '0' ],
        [ '--print-secret', 'x' ],
        [ '--print-secret', '0' ],
        [ '--print-secret', '1', '--once' ],
        ['--once=1'],
    );
    for my $arguments (@bad)
    {
        my ($status, $out, $error) =
          $test->run_program('dashboard_diff_listener', '--key-file', "$dir/never_made.key",
            @{$arguments});
        is($status, 64, "EX_USAGE: @{$arguments}");
        like($error, qr/^dashboard_diff_listener: \S.*\nTry --help\.\n\z/, 'with a reason');
        is($out, '', 'and nothing on standard output');
    }
    ok(!-e "$dir/never_made.key", 'no key file is made');
};

subtest 'without a server --once and --print-secret say so' => sub {
    my $nowhere = "host=$dir port=1 dbname=postgres";
    my @common = ('dashboard_diff_listener', '--key-file', "$dir/listener.key", '--dsn');
    for my $what ([ '--once' ], [ '--print-secret', $subscription ])
    {
        my ($status, $out, $error) = $test->run_program(@common, $nowhere, @{$what});
        is($status, 69, "EX_UNAVAILABLE: @{$what}");
        like($error, qr/level=error event=database_unavailable reason=/, 'with a reason');
        is($out, '', 'and nothing on standard output');
        ($status) = $test->run_program(@common, $test->node->connstr('no_such_database'), @{$what});
        is($status, 69, "EX_UNAVAILABLE without the database: @{$what}");
    }
};

subtest 'without the extension --once and --print-secret say so' => sub {
    for my $what ([ '--once' ], [ '--print-secret', 1 ])
    {
        my ($status, undef, $error) = $test->run_program(
            'dashboard_diff_listener', '--key-file', "$dir/listener.key", '--dsn',
            $test->node->connstr('template1'), @{$what});
        is($status, 78, "EX_CONFIG: @{$what}");
        like($error, qr/CREATE EXTENSION dashboard_diff/, 'it says what to do');
    }
};

subtest "the environment's connection settings count" => sub {
    local %ENV = (
        %ENV,
        PGHOST => $test->node->host,
        PGPORT => $test->node->port,
        PGDATABASE => 'postgres');
    my ($status, $out) = $test->run_program(
        'dashboard_diff_listener', '--key-file', "$dir/listener.key", '--print-secret',
        $subscription);
    is($status, 0, 'no --dsn is needed');
    is($out, $test->secret($subscription) . "\n", 'it is the same database');
};

$test->finish;
