package DashboardTest::Service;

# A fake of a mail relay or chat service, in a process of its own, and the log of what it got.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Spec;
use JSON::PP;
use PostgreSQL::Test::Utils;

my $receiver_dir =
  File::Spec->rel2abs(File::Spec->catdir(dirname(__FILE__), '..', '..', 'receiver'));

# Starts receiver/$program.mjs for a test; returns once it listens.
sub start
{
    my ($class, $test, $program, @arguments) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir($program);
    my $self = bless { log => "$dir/log.jsonl" }, $class;
    append_to_file($self->{log}, '');
    $self->{process} = $test->start(
        $program, 'node', "$receiver_dir/$program.mjs",
        '--log' => $self->{log},
        '--port-file' => "$dir/port",
        @arguments);
    DashboardTest::wait_for(sub { -s "$dir/port" || !$self->{process}->is_running }, $program);
    die $self->{process}->log_text if !-s "$dir/port";
    chomp($self->{port} = slurp_file("$dir/port"));
    return $self;
}

sub port { return $_[0]{port} }

# All that it got, oldest first.
sub received
{
    my ($self) = @_;
    return map { decode_json($_) } split /\n/, slurp_file($self->{log});
}

# How it ended.
sub stop { return $_[0]{process}->stop }

1;
