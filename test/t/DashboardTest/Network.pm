package DashboardTest::Network;

# The network between a test's listeners and its server, which can be told to fail.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET;
use PostgreSQL::Test::Utils;

use DashboardTest;

# From now on the test's listeners go through it.
sub start
{
    my ($class, $test) = @_;
    my $node = $test->node;
    my $port_file = $test->dir . '/proxy';
    my $process = $test->start_helper('proxy',
        '--to' => $node->host . '/.s.PGSQL.' . $node->port,
        '--port-file' => $port_file);
    wait_for(sub { -s $port_file || !$process->is_running }, 'the proxy');
    die $process->log_text if !-s $port_file;
    my ($port, $control) = split /\n/, slurp_file($port_file);
    $test->set_dsn($node->connstr('postgres') . " host=127.0.0.1 port=$port");
    return bless { process => $process, control => $control }, $class;
}

# Returns when it is done.
sub command
{
    my ($self, $command) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{control})
      or die "proxy: $@";
    print {$socket} "$command\n";
    my $answer = <$socket>;
    die "proxy: $command failed" if !defined $answer || $answer ne "ok\n";
    return;
}

sub stop { return $_[0]{process}->stop }

1;
