# The server's disk is full: what cannot be stored is refused as a whole, and what was committed
# arrives once there is room again.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;

# Mounting one takes root, which a server must not be: test/tap does it.
my $disk = $ENV{SMALL_FILE_SYSTEM}
  or plan skip_all => 'there is no small file system (SMALL_FILE_SYSTEM)';

my $test = DashboardTest->new(raw => 1);
$test->start_receiver;

mkdir "$disk/tablespace" or die "$disk/tablespace: $!";
$test->sql("CREATE TABLESPACE small LOCATION '$disk/tablespace'");
$test->sql('ALTER TABLE dashboard_deliveries SET TABLESPACE small');
$test->sql("DO \$\$ DECLARE index regclass; BEGIN
    FOR index IN SELECT indexrelid FROM pg_index
                  WHERE indrelid = 'dashboard_deliveries'::regclass LOOP
      EXECUTE format('ALTER INDEX %s SET TABLESPACE small', index);
    END LOOP; END \$\$");

sub fill_disk
{
    open my $file, '>', "$disk/filler" or die "$disk/filler: $!";
    my $written = 0;
    while (my $bytes = syswrite $file, "\0" x 4096) { $written += $bytes }
    die "$disk/filler: $!" if !$!{ENOSPC};
    close $file;
    note "$written bytes were free";
    return;
}

sub free_disk { return unlink("$disk/filler") || die "$disk/filler: $!" }

subtest 'the disk of the outbox is full' => sub {
    my $fault = DashboardTest::Faults->new(
        $test,
        fault => "server's disk is full",
        how => 'a tablespace on a small tmpfs holds the outbox, and a file the rest of it',
        dashboard => 'disk');
    $fault->alerts(50);
    fill_disk();
    # There is some room left in the pages that the table has.
    my $error = '';
    wait_for(
        sub {
            my $ids = '';
            $test->node->psql('postgres', "\\set VERBOSITY verbose\n" . $fault->alerts_sql(20),
                stdout => \$ids, stderr => \$error, on_error_stop => 0);
            $fault->confirm($ids);
            return $error;
        },
        'the disk to be full');
    like($error, qr/^psql:\S+ ERROR:  53100: /, 'an insert fails with disk_full');
    my $confirmed = @{ $fault->{confirmed} };
    for my $table (qw(alerts deliveries diffs))
    {
        is($test->sql("SELECT count(*) FROM dashboard_$table"), $confirmed,
            "nothing is left of it in dashboard_$table");
    }
    is($test->sql('SELECT count(*) FROM dashboard_snapshots'),
        $confirmed + 1, 'nor in dashboard_snapshots');

    # Each claim and each mark is a new version of a row. What finds no room in the table's own
    # pages stalls; there may be just enough.
    my $listener = $test->start_listener('--poll', 1);
    wait_for(
        sub {
            return $listener->log_text =~ /No space left on device/
              || $fault->deliveries('status') eq 'delivered';
        },
        'the listener to have no room');
    free_disk();
    $fault->over;
    $fault->alerts(20);
    $fault->settle;
    ok($listener->is_running, 'by the same listener');
    is($listener->stop, 0, 'which ends when told to');
};

$test->finish;
