package DashboardTest;

# A server with the extension, a webhook receiver that verifies signatures, and listeners between
# them. Nothing here sleeps for a result: it looks until the result is there, or gives up.
#
# What is tested is the listener on the PATH and the extension that the server finds. To test what
# "make install DESTDIR=/dir" put elsewhere, put that listener's directory in front of the PATH, and
# name in TEMP_CONFIG a file with the line: extension_destdir = '/dir'; what is preloaded is looked
# for where this line says: dynamic_library_path = '/dir/usr/lib/postgresql/15/lib:$libdir'

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

# After the servers' module, so that at the end processes go before the servers do.
use DashboardTest::Process;

our @EXPORT = qw(wait_for hexed give_up_after any_change);

my $receiver_dir = File::Spec->rel2abs(File::Spec->catdir(dirname(__FILE__), '..', 'receiver'));
my $names = 0;

# Of the machine's own listener nothing may reach those under test.
delete @ENV{ grep { /^(?:DASHBOARD_DIFF_|WATCHDOG_|NOTIFY_SOCKET$|CREDENTIALS_DIRECTORY$)/ } keys %ENV };
$ENV{DASHBOARD_DIFF_CONFIG} = '/dev/null';

# Longer than anything takes on a machine that is not broken.
sub give_up_after { return $PostgreSQL::Test::Utils::timeout_default }

# Calls $look until it returns something true, and returns that.
sub wait_for
{
    my ($look, $what, $seconds) = @_;
    my $end = Time::HiRes::time() + ($seconds // give_up_after());
    while (1)
    {
        my $found = $look->();
        return $found if $found;
        die "gave up waiting for $what" if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.02);
    }
}

# A text of any bytes as an SQL expression.
sub hexed { return "convert_from('\\x" . unpack('H*', $_[0]) . "', 'UTF8')" }

# schema: where the extension goes; conf: lines for postgresql.conf; raw: the receiver keeps bodies;
# hosts: how many addresses the receiver has, each an endpoint of its own; encoding: of a database of
# its own.
sub new
{
    my ($class, %options) = @_;
    my $name = $options{name} // 'main';
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
    $node->append_conf('postgresql.conf', "log_statement = none\n" . ($options{conf} // ''));
    $node->start;
    my $database = 'postgres';
    if ($options{encoding})
    {
        $database = 'encoded';
        $node->safe_psql('postgres',
            "CREATE DATABASE $database TEMPLATE template0 ENCODING '$options{encoding}' LOCALE 'C'");
    }
    my $dir = PostgreSQL::Test::Utils::tempdir("dashboard_$name");
    my $self = bless {
        node => $node,
        database => $database,
        dir => $dir,
        secrets => "$dir/secrets",
        received => "$dir/received.jsonl",
        key => "$dir/listener.key",
        raw => $options{raw},
        hosts => $options{hosts} // 1,
        seen => [],
        seen_bytes => 0,
        listeners => [],
        one_shot_logs => [],
    }, $class;
    append_to_file($_, '') for $self->{secrets}, $self->{received};
    if (!$options{bare})
    {
        my $schema = $options{schema} // 'public';
        $self->sql(qq(CREATE SCHEMA IF NOT EXISTS "$schema";
            CREATE EXTENSION dashboard_diff SCHEMA "$schema"));
    }
    return $self;
}

sub node { return $_[0]{node} }
sub dir { return $_[0]{dir} }

# What listeners connect to.
sub dsn { return $_[0]{dsn} // $_[0]{node}->connstr($_[0]{database}) }
sub set_dsn { $_[0]{dsn} = $_[1]; return }

# --- statements ---

sub sql
{
    my ($self, $query) = @_;
    return $self->{node}->safe_psql($self->{database}, $query);
}

# All that psql printed to its standard error, with SQLSTATEs; '' if nothing went wrong.
sub sql_error
{
    my ($self, $query) = @_;
    my $error = '';
    $self->{node}->psql(
        $self->{database}, $query,
        stderr => \$error,
        on_error_stop => 0,
        extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    return $error;
}

sub wait_for_sql
{
    my ($self, $query, $expected) = @_;
    my $got = '';
    return wait_for(
        sub {
            my $status = $self->{node}->psql($self->{database}, $query, stdout => \$got);
            return defined $status && $status == 0 && $got eq $expected;
        },
        "\"$expected\" from: $query");
}

# An open session; its queries time out each for itself.
sub session
{
    my ($self, %options) = @_;
    my $session = $self->{node}->background_psql($self->{database}, on_error_stop => 0, %options);
    $session->set_query_timer_restart;
    return $session;
}

# --- dashboards ---

# Whatever moves by one or more is told.
sub any_change { return '{"value_delta_pct": 0.000001, "min_abs": 1}' }

sub dashboard
{
    my ($self, $id) = @_;
    $self->sql('INSERT INTO dashboards (id) VALUES (' . hexed($id) . ')');
    return $id;
}

# Subscribes a path of the receiver, and lets the receiver know the secret.
sub webhook
{
    my ($self, $dashboard, $path, $threshold) = @_;
    my $id = $self->subscribe($dashboard, $self->url($path), $threshold);
    $self->add_secret($path, $self->secret($id));
    return $id;
}

sub subscribe
{
    my ($self, $dashboard, $url, $threshold) = @_;
    $threshold //= any_change();
    return $self->sql('SELECT subscribe('
          . hexed($dashboard)
          . ", 'webhook', "
          . hexed($url) . ', '
          . hexed($threshold)
          . '::jsonb)');
}

# One row with one number. Returns the snapshot's id.
sub snapshot
{
    my ($self, $dashboard, $value) = @_;
    return $self->snapshot_of($dashboard, qq([{"id": "row", "score": $value}]));
}

sub snapshot_of
{
    my ($self, $dashboard, $content) = @_;
    return $self->sql('INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('
          . hexed($dashboard) . ', '
          . hexed($content)
          . '::jsonb) RETURNING id');
}

# A dashboard that has a webhook and a first snapshot: the next one will be told.
sub dashboard_with_webhook
{
    my ($self, $id, $path) = @_;
    $self->dashboard($id);
    my $subscription = $self->webhook($id, $path);
    $self->snapshot($id, 0);
    return $subscription;
}

# The columns of the dashboard's only delivery.
sub delivery
{
    my ($self, $dashboard) = @_;
    my $row = $self->sql('SELECT to_jsonb(d) FROM dashboard_deliveries d'
          . ' WHERE dashboard_artifact_id = '
          . hexed($dashboard));
    return JSON::PP->new->decode($row);
}

# "status count" for each status that deliveries have, by name.
sub statuses
{
    my ($self) = @_;
    return $self->sql(
        q(SELECT coalesce(string_agg(status || ' ' || n, ', ' ORDER BY status), '')
            FROM (SELECT status, count(*) AS n FROM dashboard_deliveries GROUP BY 1) s));
}

sub make_all_due
{
    my ($self) = @_;
    $self->sql(
        q(UPDATE dashboard_deliveries SET next_attempt_at = now() WHERE status = 'pending'));
    return;
}

# As if the listeners that hold deliveries had not been heard of for a minute.
sub expire_leases
{
    my ($self) = @_;
    $self->sql(q(UPDATE dashboard_listeners SET seen_at = now() - interval '1 minute'));
    return;
}

# How many pending deliveries listeners hold.
sub leased
{
    my ($self) = @_;
    return $self->sql(
        q(SELECT count(*) FROM dashboard_deliveries d JOIN dashboard_leases l
              ON (d.dashboard_artifact_id, d.id, d.attempts)
                 IN (SELECT * FROM unnest(l.dashboards, l.deliveries, l.attempts))
           WHERE d.status = 'pending'));
}

# --- the receiver ---

sub start_receiver
{
    my ($self) = @_;
    ($self->{receiver}, $self->{port}) = $self->run_receiver(
        $self->{port},
        (map { ('--also-listen' => "127.0.0.$_") } 2 .. $self->{hosts}),
        $self->{raw} ? '--raw' : ());
    return;
}

# A receiver that writes into the same log. Returns the process and its port, which is any free one
# if none is given.
sub run_receiver
{
    my ($self, $port, @arguments) = @_;
    my $port_file = "$self->{dir}/port";
    unlink $port_file;
    my $receiver = $self->start(
        'receiver',
        'node',
        "$receiver_dir/receiver.mjs",
        '--listen' => '127.0.0.1:' . ($port // 0),
        '--secrets' => $self->{secrets},
        '--log' => $self->{received},
        '--port-file' => $port_file,
        @arguments);
    wait_for(sub { -s $port_file || !$receiver->is_running }, 'the receiver');
    die slurp_file($receiver->log_file) if !-s $port_file;
    chomp($port = slurp_file($port_file));
    return ($receiver, $port);
}

# Another program of the receiver's directory, by name.
sub start_helper
{
    my ($self, $name, @arguments) = @_;
    return $self->start($name, 'node', "$receiver_dir/$name.mjs", @arguments);
}

sub url
{
    my ($self, $path, $host) = @_;
    return 'http://127.0.0.' . ($host // 1) . ":$self->{port}$path";
}

sub add_secret
{
    my ($self, $path, @secrets) = @_;
    append_to_file($self->{secrets}, encode_json({ path => $path, secrets => \@secrets }) . "\n");
    return;
}

# What was received so far, oldest first; of one path if given.
sub requests
{
    my ($self, $path) = @_;
    open my $file, '<:raw', $self->{received} or die "$self->{received}: $!";
    seek $file, $self->{seen_bytes}, 0;
    local $/ = "\n";
    while (my $line = <$file>)
    {
        last if $line !~ /\n\z/;    # still being written
        $self->{seen_bytes} += length $line;
        push @{ $self->{seen} }, decode_json($line);
    }
    close $file;
    return grep { !defined $path || $_->{path} eq $path } @{ $self->{seen} };
}

sub wait_for_requests
{
    my ($self, $count, $path) = @_;
    my @requests;
    wait_for(
        sub { (@requests = $self->requests($path)) >= $count },
        "$count requests" . (defined $path ? " for $path" : ''));
    return @requests;
}

# Runs the receiver's tamper check on a request; returns its exit status and output.
sub tamper_check
{
    my ($self, $request) = @_;
    my $output = '';
    IPC::Run::run(
        [
            'node', "$receiver_dir/tamper_check.mjs",
            '--log' => $self->{received},
            '--secrets' => $self->{secrets},
            '--id' => $request->{id}
        ],
        '<' => \undef,
        '>&' => \$output,
        IPC::Run::timeout(give_up_after()));
    return ($? >> 8, $output);
}

# The body's bytes.
sub raw_body { return decode_base64($_[1]{raw}) }

# The body as an SQL expression: PostgreSQL's numbers are exact, Perl's are not.
sub body_in_sql
{
    my ($self, $request) = @_;
    return hexed($self->raw_body($request)) . '::jsonb';
}

# --- the listener ---

sub listener_command
{
    my ($self, @arguments) = @_;
    return (
        'dashboard_diff_listener',
        '--dsn' => $self->dsn,
        '--key-file' => $self->{key}, @arguments);
}

# To this machine's receiver.
sub local_flags { return ('--allow-http', '--allow-network', '127.0.0.0/8') }

# Runs to the end: exit status, standard output, standard error.
sub run_program
{
    my ($self, @command) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run(\@command, '<' => \undef, '>' => \$out, '2>' => \$err,
        IPC::Run::timeout(give_up_after()));
    my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
    note "@command\nexit status $status\n$err";
    push @{ $self->{one_shot_logs} }, $err;
    return ($status, $out, $err);
}

# One pass over what is due; dies if it fails. Returns the log.
sub deliver_once
{
    my ($self, @arguments) = @_;
    my ($status, undef, $log) =
      $self->run_program($self->listener_command('--once', local_flags(), @arguments));
    die "the listener ended with $status: $log" if $status ne '0';
    return $log;
}

sub secret
{
    my ($self, $subscription) = @_;
    my ($status, $secret, $error) =
      $self->run_program($self->listener_command('--print-secret' => $subscription));
    die "no secret of subscription $subscription: $error" if $status ne '0';
    chomp $secret;
    return $secret;
}

# Starts a listener and returns it once it hears what happens.
sub start_listener
{
    my ($self, @arguments) = @_;
    my $listener =
      $self->start('listener', $self->listener_command(local_flags(), @arguments));
    push @{ $self->{listeners} }, $listener;
    $listener->wait_for_log(qr/event=database_ready/);
    return $listener;
}

sub start
{
    my ($self, $name, @command) = @_;
    my $log_file = sprintf '%s/%s_%s_%03d.log', $PostgreSQL::Test::Utils::log_path,
      $self->{node}->name, $name, ++$names;
    return DashboardTest::Process->start($log_file, @command);
}

# --- the end ---

# Ends everything that was started, and the tests.
sub finish
{
    my ($self, @other_nodes) = @_;
    for my $listener (@{ $self->{listeners} })
    {
        $listener->stop if $listener->is_running;
    }
    if ($self->{receiver})
    {
        is($self->{receiver}->stop, 0, 'the receiver lived to the end');
    }
    my @logs =
      ((map { slurp_file($_->log_file) } @{ $self->{listeners} }), @{ $self->{one_shot_logs} });
    is(scalar(grep { /event=internal_error/ } @logs), 0, 'no listener had an internal error');
    for my $node ($self->{node}, @other_nodes)
    {
        $node->stop('fast');
        unlike(
            slurp_file($node->logfile),
            qr/was terminated by signal|PANIC:|TRAP:/,
            'no process of server "' . $node->name . '" crashed');
    }
    done_testing();
    return;
}

1;
