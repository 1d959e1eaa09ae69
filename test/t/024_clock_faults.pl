# The server's clock is stepped back: what was due stays due.

use strict;
use warnings FATAL => 'all';

use Test::More;

use DashboardTest;
use DashboardTest::Faults;

my ($libfaketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'libfaketime is not installed' if !defined $libfaketime;

my $test = DashboardTest->new(raw => 1);
my $node = $test->node;
$test->start_receiver;

# The server's clock goes wrong by what this file says, "-3600" say.
my $clock = File::Spec->rel2abs($test->dir . '/clock');

sub set_clock
{
    my ($offset) = @_;
    open my $file, '>', "$clock.new" or die "$clock.new: $!";
    print {$file} "$offset\n";
    close $file;
    rename "$clock.new", $clock or die "$clock: $!";
    return;
}

set_clock('+0');
$node->stop;
{
    local $ENV{LD_PRELOAD} = $libfaketime;
    local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
    local $ENV{FAKETIME_NO_CACHE} = 1;
    local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
    local $ENV{FAKETIME_DONT_RESET} = 1;
    $node->start;
}

sub server_seconds { return $test->sql('SELECT extract(epoch FROM clock_timestamp())') }

sub fault
{
    my ($name, $how, %options) = @_;
    return DashboardTest::Faults->new($test, fault => $name, how => $how, %options);
}

my $due = fault("server's clock is stepped back an hour, with alerts waiting",
    'faketime; the listener is stopped for as long as it takes', dashboard => 'due');
my $retry = fault("server's clock is stepped back an hour, between two attempts",
    'faketime; the next attempt was set before', dashboard => 'retry',
    before => '/first/1/status/503');
my $after = fault("alerts after the server's clock was stepped back",
    'faketime', dashboard => 'after');

subtest 'the clock is stepped back' => sub {
    my $listener = $test->start_listener('--poll', 1);
    $retry->alerts(1);
    wait_for(sub { $retry->deliveries('attempts') eq '1' }, 'the first attempt');
    $listener->signal('STOP');
    $due->alerts(5);
    my $before = server_seconds();
    set_clock('-3600');
    cmp_ok(server_seconds(), '<', $before - 3000, 'by an hour');
    $listener->signal('CONT');
    $_->over for $due, $retry, $after;
    $after->alerts(5);
    $after->settle;
    # Far less than an hour, whatever the machine.
    $_->settle for $due, $retry;
    is($listener->stop, 0, 'the listener ends when told to');
};

$test->finish;
