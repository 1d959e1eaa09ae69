package DashboardTest::Process;

# A process in the background, with its output in a file. None outlives the tests.

use strict;
use warnings FATAL => 'all';

use POSIX qw(WNOHANG);
use PostgreSQL::Test::Utils;

my %running;    # pid => 1

END
{
    my $status = $?;    # the tests', not that of a child
    for my $pid (keys %running)
    {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
    $? = $status;
}

sub start
{
    my ($class, $log_file, @command) = @_;
    unlink $log_file; # of a test before this one
    my $pid = fork // die "fork: $!";
    if ($pid == 0)
    {
        my $null = POSIX::open('/dev/null', POSIX::O_RDONLY());
        my $log = POSIX::open($log_file, POSIX::O_WRONLY() | POSIX::O_CREAT() | POSIX::O_APPEND());
        POSIX::dup2($null, 0);
        POSIX::dup2($log, 1);
        POSIX::dup2($log, 2);
        delete $ENV{PGAPPNAME};    # its own name
        no warnings 'exec';
        exec { $command[0] } @command;
        POSIX::_exit(127);
    }
    $running{$pid} = 1;
    return bless { pid => $pid, log_file => $log_file, status => undef }, $class;
}

sub log_file { return $_[0]{log_file} }

sub log_text
{
    my ($self) = @_;
    return -e $self->{log_file} ? PostgreSQL::Test::Utils::slurp_file($self->{log_file}) : '';
}

sub wait_for_log
{
    my ($self, $pattern) = @_;
    DashboardTest::wait_for(
        sub {
            my $ended = !$self->is_running;
            return 1 if $self->log_text =~ $pattern;
            die "it ended without $pattern: " . $self->log_text if $ended;
            return 0;
        },
        "$pattern in $self->{log_file}");
    return;
}

sub is_running
{
    my ($self) = @_;
    return 0 if defined $self->{status};
    if (waitpid($self->{pid}, WNOHANG) == $self->{pid})
    {
        $self->{status} = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
        delete $running{ $self->{pid} };
        return 0;
    }
    return 1;
}

sub signal
{
    my ($self, $signal) = @_;
    kill $signal, $self->{pid} or die "kill: $!";
    return;
}

# The exit status, or "signal N".
sub wait_for_end
{
    my ($self) = @_;
    DashboardTest::wait_for(sub { !$self->is_running }, "the end of process $self->{pid}");
    return $self->{status};
}

# Both return how it ended.
sub stop
{
    my ($self) = @_;
    $self->signal('TERM') if $self->is_running;
    return $self->wait_for_end;
}

sub kill_at_once
{
    my ($self) = @_;
    $self->signal('KILL');
    return $self->wait_for_end;
}

1;
