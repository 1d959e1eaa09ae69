package DashboardTest::Provider;

# Notification configs, with their credentials sealed as an operator does it.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use JSON::PP;
use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(notification_config seal);

# Standard output of --seal for a row, or dies with what went wrong.
sub seal
{
    my ($test, $id, $secret) = @_;
    my ($out, $err) = ('', '');
    my @command = ('dashboard_diff_listener', '--key-file' => $test->{key}, '--seal' => $id);
    IPC::Run::run(\@command, '<' => \$secret, '>' => \$out, '2>' => \$err,
        IPC::Run::timeout(DashboardTest::give_up_after()))
      or die "exit status " . ($? >> 8) . ": $err";
    chomp $out;
    return $out;
}

# Makes one; returns its id.
sub notification_config
{
    my ($test, $type, $name, $settings, $secret) = @_;
    my $json = JSON::PP->new->canonical->encode($settings);
    my $id = $test->sql("INSERT INTO notification_configs (type, name, settings)
        VALUES ('$type', '$name', '$json') RETURNING id");
    if (defined $secret)
    {
        my $sealed = seal($test, $id, $secret);
        $test->sql("UPDATE notification_configs SET credentials = '$sealed' WHERE id = $id");
    }
    return $id;
}

1;
