# The listener as a service: its configuration, its exit status, and what it tells systemd.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;
use Socket qw(SOCK_DGRAM);
use Test::More;

use DashboardTest;

my $test = DashboardTest->new;
$test->start_receiver;
my $dir = $test->dir;
my $conf = "$dir/listener.conf";
my $socket_dir = PostgreSQL::Test::Utils::tempdir_short();    # absolute, as systemd has it

sub write_conf
{
    my ($text, $mode) = @_;
    unlink $conf;
    append_to_file($conf, $text);
    chmod $mode // 0600, $conf;
    return;
}

# Runs the listener with nothing but what is given.
sub listener { return $test->run_program('dashboard_diff_listener', @_) }

# A datagram socket as systemd gives it to a service.
{
    package Manager;

    sub new
    {
        my ($class, $path) = @_;
        my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_DGRAM, Local => $path)
          or die "$path: $!";
        $socket->blocking(0);
        return bless { path => $path, socket => $socket, lines => [] }, $class;
    }

    # Every assignment that came so far.
    sub lines
    {
        my ($self) = @_;
        my $message;
        while (defined $self->{socket}->recv($message, 65536))
        {
            push @{ $self->{lines} }, split /\n/, $message;
        }
        return @{ $self->{lines} };
    }

    sub wait_for
    {
        my ($self, $pattern, $count) = @_;
        DashboardTest::wait_for(sub { (grep { $_ =~ $pattern } $self->lines) >= ($count // 1) },
            "$pattern on the socket");
        return;
    }
}

subtest 'the command line beats the environment, which beats the file' => sub {
    write_conf("# ours\ndsn = 'host=db password=hush'\npoll = 2\nconcurrency = 3\n"
          . "log-level = warning\nallow-network = 10.1.0.0/16, 10.2.0.0/16\n");
    local $ENV{DASHBOARD_DIFF_POLL} = 4;
    local $ENV{DASHBOARD_DIFF_CONCURRENCY} = 5;
    local $ENV{DASHBOARD_DIFF_CONFIG} = $conf;
    my ($status, $out, $error) = listener('--concurrency', 6, '--check-config');
    is($status, 0, 'exit status');
    is($error, '', 'no warnings');
    like($out, qr/^dsn = 'password=\*+ host=db' +# \Q$conf\E:2$/m, 'from the file, no password');
    like($out, qr/^poll = '4' +# DASHBOARD_DIFF_POLL$/m, 'from the environment');
    like($out, qr/^concurrency = '6' +# --concurrency$/m, 'from the command line');
    like($out, qr/^allow-network = '10.1.0.0\/16, 10.2.0.0\/16' +# \Q$conf\E:6$/m, 'a list');
    like($out, qr/^allow-http = 'off' +# default$/m, 'from nowhere');
    unlike($out . $error, qr/hush/, 'the password is not shown');

    chmod 0644, $conf;
    ($status, undef, $error) = listener('--check-config');
    is($status, 0, 'a file that others can read is good');
    like($error, qr/level=warning event=configuration reason=.*chmod 0600/, 'but warned of');
};

subtest 'a mistake in the file is told with its line' => sub {
    my %mistakes = (
        "poll = 1\n\nconcurency = 3\n" => '3: unknown setting concurency; perhaps you meant concurrency',
        "poll = soon\n" => '1: poll: expected a whole number',
        "once = on\n" => '1: once can only be given on the command line',
        "dsn = 'host=x\n" => '1: a quoted value does not end on its line',
    );
    for my $text (sort keys %mistakes)
    {
        write_conf($text);
        my ($status, $out, $error) = listener('--config', $conf, '--once');
        is($status, 78, 'EX_CONFIG');
        like($error, qr/event=bad_configuration reason="\Q$conf:$mistakes{$text}\E/, 'and where');
        is($out, '', 'nothing on standard output');
    }
    my ($status) = listener('--config', "$dir/absent.conf", '--once');
    is($status, 78, 'a file that is not there');
};

subtest 'a listener that has its settings from the file delivers' => sub {
    $test->dashboard_with_webhook('by_file', '/by_file');
    $test->snapshot('by_file', 5);
    write_conf("dsn = '" . $test->dsn =~ s/'/''/gr . "'\nkey-file = $test->{key}\n"
          . "allow-http = on\nallow-network = 127.0.0.0/8\n");
    my ($status) = listener('--config', $conf, '--once');
    is($status, 0, 'exit status');
    is(scalar $test->requests('/by_file'), 1, 'it arrives');
};

subtest 'exit status' => sub {
    my $key = "$dir/made.key";
    my ($status, undef, $error) = listener('--key-file', $key, '--make-key');
    is($status, 0, '--make-key');
    like($error, qr/event=key_created path=\Q$key\E$/m, 'tells that it made one');
    my $made = slurp_file($key);
    ($status, undef, $error) = listener('--key-file', $key, '--make-key');
    is("$status$error", '0', 'the second time it only looks');
    is(slurp_file($key), $made, 'the key stays');
    ($status) = $test->run_program($test->listener_command('--print-secret', 999_999));
    is($status, 65, 'EX_DATAERR: no such subscription');
    ($status) = listener('--key-file', $key, '--make-key', '--once');
    is($status, 64, 'EX_USAGE: two commands');
    ($status) = $test->run_program('sh', '-c', 'exec dashboard_diff_listener --help > /dev/full');
    is($status, 74, 'EX_IOERR: nobody takes the output');
};

subtest 'a role that lacks a right' => sub {
    $test->sql("CREATE ROLE lacking LOGIN; SELECT allow_listener('lacking')");
    my @command = (
        'dashboard_diff_listener',
        '--key-file' => $test->{key},
        '--dsn' => $test->dsn . ' user=lacking');
    my ($status) = $test->run_program(@command, '--once');
    is($status, 0, 'none that is needed');
    my %needed = (
        dispatch_pending => ['--once'],
        claim_deliveries => ['--once'],
        webhook_secret_version => [ '--print-secret', 1 ]);
    for my $function (sort keys %needed)
    {
        $test->sql("REVOKE EXECUTE ON FUNCTION $function FROM lacking");
        ($status, undef, my $log) = $test->run_program(@command, @{ $needed{$function} });
        is($status, 77, "EX_NOPERM: $function");
        like($log, qr/permission denied for function $function/, 'with the reason');
        $test->sql("GRANT EXECUTE ON FUNCTION $function TO lacking");
    }
};

subtest 'systemd is told what happens' => sub {
    my $manager = Manager->new("$socket_dir/notify");
    my $listener = do
    {
        # Not for longer: the server would use them too.
        local $ENV{NOTIFY_SOCKET} = "$socket_dir/notify";
        local $ENV{WATCHDOG_USEC} = 100_000;
        $test->start_listener;
    };
    $manager->wait_for(qr/^READY=1$/);
    $manager->wait_for(qr/^STATUS=connected$/);
    $manager->wait_for(qr/^WATCHDOG=1$/, 3);
    $listener->signal('HUP');
    $listener->wait_for_log(qr/event=hangup_ignored/);

    $test->node->stop('fast');
    $manager->wait_for(qr/^STATUS=database unavailable since \d{4}-\S+Z: \S/);
    my $fed = grep { /^WATCHDOG=1$/ } $manager->lines;
    $manager->wait_for(qr/^WATCHDOG=1$/, $fed + 3);
    ok($listener->is_running, 'it waits for its server');
    $test->node->start;
    $manager->wait_for(qr/^STATUS=connected$/, 2);

    is($listener->stop, 0, 'it ends when told to');
    my @lines = $manager->lines;
    is((grep { /^READY=1$/ } @lines), 1, 'ready once');
    is((grep { /^STOPPING=1$/ } @lines), 1, 'stopping once');
    is((grep { !/^(?:READY|STOPPING|WATCHDOG)=1$|^STATUS=\S/ } @lines), 0, 'and nothing else');
};

subtest 'a listener without a server is ready, and does not fill the log' => sub {
    my $manager = Manager->new("$socket_dir/notify_alone");
    local $ENV{NOTIFY_SOCKET} = "$socket_dir/notify_alone";
    my $listener = $test->start('listener', 'dashboard_diff_listener', '--key-file', $test->{key},
        '--dsn', "host=$socket_dir port=1 dbname=postgres");
    $manager->wait_for(qr/^READY=1$/);
    $manager->wait_for(qr/^STATUS=database unavailable since /);
    $listener->wait_for_log(qr/event=database_unavailable .* failures=8 since=/);
    is($listener->stop, 0, 'it ends when told to');
    my @failures = $listener->log_text =~ / failures=(\d+) /g;
    is("@failures[0 .. 3]", '1 2 4 8', 'told at growing distance');
};

subtest 'what is less urgent than the log level is not logged' => sub {
    my $log = $test->deliver_once('--log-level', 'warning');
    is($log, '', 'all is well: nothing to say');
};

subtest 'a second SIGTERM ends it at once' => sub {
    $test->dashboard_with_webhook('hang', '/hang/twice');
    $test->snapshot('hang', 5);
    my $listener = $test->start_listener;
    $test->wait_for_requests(1, '/hang/twice');
    $listener->signal('TERM');
    $listener->wait_for_log(qr/event=stopping in_flight=1/);
    $listener->signal('TERM');
    is($listener->wait_for_end, 143, 'as a shell would tell it');
    is($test->delivery('hang')->{status}, 'pending', 'what was in flight is delivered later');
    $test->sql("DELETE FROM dashboards WHERE id = 'hang'");
};

subtest 'the unit' => sub {
    my ($listener) = grep { -x } map { "$_/dashboard_diff_listener" } split /:/, $ENV{PATH};
    my $bindir = qx{pg_config --bindir} =~ s/\n//r;
    my $installed = dirname($listener) =~ s/\Q$bindir\E$//r;    # DESTDIR, or nothing
    my $text = slurp_file("$installed/lib/systemd/system/dashboard_diff_listener.service");
    like($text, qr/^ExecStart=\Q$bindir\E\/dashboard_diff_listener /m, 'starts what is installed');
    $text =~ s/^ExecStart=\S+/ExecStart=$listener/m;
    my $unit = "$dir/dashboard_diff_listener.service";
    append_to_file($unit, $text);

    plan skip_all => 'systemd-analyze is not there' if system('command -v systemd-analyze >&2') != 0;
    my ($status, $out, $error) = $test->run_program('systemd-analyze', 'verify', $unit);
    is("$status$out$error", '0', 'systemd has nothing to say against it');
    ($status, $out) = $test->run_program('systemd-analyze', 'security', '--offline=yes', '--no-pager', $unit);
    is($status, 0, 'systemd knows its sandbox');
    my ($exposure) = $out =~ /Overall exposure level.*: ([\d.]+)/;
    cmp_ok($exposure, '<=', 1.2, "exposure level $exposure");
};

$test->finish;
