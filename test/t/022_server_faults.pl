# A server that crashes, has no connection left, or whose backends are killed under load.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Certificates;
use DashboardTest::Faults;
use DashboardTest::Nginx;

my $max_connections = 310;
my $test = DashboardTest->new(raw => 1, conf => "max_connections = $max_connections");
my $node = $test->node;
$test->start_receiver;

sub fault
{
    my ($name, $how, %options) = @_;
    return DashboardTest::Faults->new($test, fault => $name, how => $how, %options);
}

subtest 'a server that crashes again and again' => sub {
    my $fault = fault('server crashes, again and again',
        '5 times pg_ctl stop -m immediate, and start, in the midst of deliveries',
        dashboard => 'crash', before => '/slow/0.03');
    my $listener = $test->start_listener('--poll', 3600);
    for my $round (1 .. 5)
    {
        my $seen = $fault->requests;
        $fault->alerts(20);
        $fault->wait_for_requests($seen + 1);
        $node->stop('immediate');
        $node->start;
    }
    $fault->over;
    $fault->settle;
    ok($listener->is_running, 'by the same listener');
    is($listener->stop, 0, 'which ends when told to');
};

subtest 'a server whose connections are all taken' => sub {
    my $idle = fault('300 idle connections', 'of 310', dashboard => 'idle');
    my $none = fault('no connection left',
        'all 310 taken, and the session of the listener terminated', dashboard => 'none-left');
    my $session = $test->session;
    my $listener = $test->start_listener('--poll', 3600);

    my $take = sub {
        my $holder = $test->start_helper('idle_connections',
            '--to' => $node->host . '/.s.PGSQL.' . $node->port,
            '--user' => $test->sql('SELECT current_user'),
            '--count' => $_[0]);
        return $holder;
    };
    my $held = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'idle'";
    my $holder = $take->(300);
    wait_for(sub { $session->query_safe($held) == 300 }, '300 idle connections');
    $idle->over;
    $idle->alerts(20);
    $idle->settle;
    is($holder->stop, 0, 'they go');

    $holder = $take->($max_connections);
    wait_for(
        sub {
            # The listener may be the first to take what was freed.
            $session->query_safe("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name = 'dashboard_diff_listener'");
            return $listener->log_text =~ /event=database_unavailable .*too many clients/;
        },
        'the listener to find no connection left');
    $none->confirm($session->query_safe($none->alerts_sql(20)));
    is($holder->stop, 0, 'they go again');
    $none->over;
    $none->settle;
    ok($listener->is_running, 'by the same listener');
    is($listener->stop, 0, 'which ends when told to');
    $session->quit;
};

# Row versions that nobody can see and that may not be removed yet. VACUUM counts them itself.
sub dead_tuples
{
    my ($table) = @_;
    $node->psql('postgres', "VACUUM (VERBOSE) $table", stderr => \my $report);
    my ($dead) = $report =~ /(\d+) are dead but not yet removable/;
    return $dead // die "VACUUM did not say: $report";
}

subtest 'a transaction stays open while thousands are delivered' => sub {
    my $fault = fault('a transaction stays open',
        'REPEATABLE READ, older than all deliveries', dashboard => 'horizon', subscribers => 10);
    my $count = 3000;
    my $session = $test->session;
    $session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM dashboards');
    my $listener = $test->start_listener('--poll', 3600);
    $fault->alerts($count / 10);
    $fault->wait_for_marks;
    my %dead = map { $_ => dead_tuples("dashboard_$_") } qw(deliveries leases);
    $fault->note_down(
        "$dead{deliveries} dead row versions of deliveries, $dead{leases} of leases");
    # One that finds its endpoint busy is parked, which makes a version more: how many do, depends
    # on what else the machine does.
    cmp_ok($dead{deliveries}, '<=', 2 * $count,
        'a delivery leaves a dead row version, or two if it was parked');
    cmp_ok($dead{leases}, '<', $count / 4, 'leases leave few');
    $session->query_safe('COMMIT');
    $session->quit;
    $fault->settle;
    is($listener->stop, 0, 'the listener ends when told to');
};

SKIP:
{
    skip 'nginx is not installed', 1 if !DashboardTest::Nginx::program();
    subtest 'backends are killed several a second, nginx receives' => sub {
        my $certificates = DashboardTest::Certificates->new($test->dir);
        my $nginx = DashboardTest::Nginx->start($test, $certificates);
        my $fault = fault('backends are killed, several a second',
            'all of them every 0.2 s, writers included, while nginx receives over https',
            dashboard => 'load', url => $nginx->url('/load'));
        my $listener = $test->start_listener('--ca-file', $certificates->ca_file);

        my $script = $test->dir . '/kill_backends.sql';
        PostgreSQL::Test::Utils::append_to_file($script, <<~'SQL');
            SET application_name = 'killer';
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            \watch 0.2
            SQL
        my $killer = $test->start('killer', 'psql', '-XAtq', '-d', $node->connstr('postgres'),
            '-f', $script);
        my $killed_writers = 0;
        while (@{ $fault->{confirmed} } < 2000)
        {
            my $ids = '';
            my $status = $node->psql('postgres', $fault->alerts_sql(20), stdout => \$ids,
                stderr => \my $error, on_error_stop => 1);
            $killed_writers++ if $status != 0;
            $fault->confirm($ids);
        }
        ok($killer->is_running, 'backends were killed all the time');
        $killer->stop;
        $fault->over;
        cmp_ok($killed_writers, '>', 0, "so were $killed_writers writers");
        my $sessions = () = $listener->log_text =~ /event=database_ready/g;
        cmp_ok($sessions, '>', 5, "and $sessions sessions of the listener");
        $fault->settle;
        ok($listener->is_running, 'all arrived by the same listener');
        is($listener->stop, 0, 'which ends when told to');
        is($nginx->stop, 0, 'nginx lived to the end');
    };
}

$test->finish;
