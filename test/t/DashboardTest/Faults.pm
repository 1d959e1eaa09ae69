package DashboardTest::Faults;

# A fault of delivery and what came of it: a dashboard of its own whose alerts all go to one
# subscriber, and their books. Every alert that was committed has to arrive; one that comes again
# has to have the same webhook-id, and a reason.
#
# Where FAULTS_LEDGER names a file, each fault adds its line there, of which faults_table makes
# FAULTS.md.

use strict;
use warnings FATAL => 'all';

use List::Util qw(max uniq);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use Time::Local qw(timegm);

use DashboardTest;

# fault, how: what the table says of it. dashboard: a name that fits a path and is no fault's.
# before, query: what the receiver is asked to do, as path prefixes and as a query. host: which of
# the receiver's addresses (the faults of one endpoint would hold up the others). url: instead of
# those. subscribers: how many have the alerts; all but the first hear of them at a path with a
# number in front. may_repeat: why an alert may come twice; at_most: how many may. refused: the
# status by which it is refused for good.
sub new
{
    my ($class, $test, %options) = @_;
    my $self = bless {
        before => '', query => '', host => 1, subscribers => 1, at_most => 0, value => 0,
        confirmed => [], notes => [], %options,
        test => $test
    }, $class;
    my $dashboard = $test->dashboard($self->{dashboard});
    for my $subscriber (1 .. $self->{subscribers})
    {
        my $own = $subscriber == 1 ? '' : "/$subscriber";
        my $url = $self->{url} // $self->url($self->{before} . $own);
        my $secret = $test->secret($test->subscribe($dashboard, $url));
        $test->add_secret("$_/$dashboard", $secret) for uniq '', $own;    # see mend()
    }
    $test->snapshot($dashboard, 0);
    return $self;
}

# Where the receiver hears of it, behind the prefixes.
sub url
{
    my ($self, $before) = @_;
    return $self->{test}->url("$before/$self->{dashboard}$self->{query}", $self->{host});
}

# So many alerts as statements, each a transaction of its own that returns its snapshot.
sub alerts_sql
{
    my ($self, $count) = @_;
    return join '', map {
        my $value = 10 * ++$self->{value};
        "INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)"
          . " VALUES ('$self->{dashboard}', '[{\"id\": \"row\", \"score\": $value}]')"
          . " RETURNING id;\n"
    } 1 .. $count;
}

# Counts snapshots that the server said it has.
sub confirm
{
    my ($self, $ids) = @_;
    push @{ $self->{confirmed} }, $ids =~ /^(\d+)$/mg;
    return;
}

sub alerts
{
    my ($self, $count) = @_;
    $self->confirm($self->{test}->sql($self->alerts_sql($count)));
    return;
}

# From now on its deliveries go to another place, all of them.
sub mend
{
    my ($self, $url) = @_;
    $self->{test}->sql('UPDATE dashboard_deliveries SET target = '
          . hexed($url)
          . " WHERE dashboard_artifact_id = '$self->{dashboard}'");
    return;
}

# As if the time of its next attempt had come. Nobody tells the listeners: they find it at a poll.
sub make_due
{
    my ($self) = @_;
    $self->{test}->sql("UPDATE dashboard_deliveries SET next_attempt_at = now()
        WHERE dashboard_artifact_id = '$self->{dashboard}' AND status = 'pending'");
    return;
}

# The fault is over. Not needed where the receiver makes it: its own log tells.
sub over
{
    my ($self) = @_;
    $self->{over} = Time::HiRes::time();
    return;
}

# The table says this of it, too.
sub note_down
{
    my ($self, $what) = @_;
    push @{ $self->{notes} }, $what;
    return;
}

# Where it is known only now how many alerts may come twice.
sub repeats_at_most
{
    my ($self, $at_most) = @_;
    $self->{at_most} = $at_most;
    return;
}

sub requests
{
    my ($self) = @_;
    return grep { $_->{path} =~ m{/\Q$self->{dashboard}\E$} } $self->{test}->requests;
}

sub wait_for_requests
{
    my ($self, $count) = @_;
    my @requests;
    wait_for(sub { (@requests = $self->requests) >= $count },
        "$count requests of $self->{dashboard}");
    return @requests;
}

# A column's values of its deliveries, each once.
sub deliveries
{
    my ($self, $expression) = @_;
    return $self->{test}->sql("SELECT DISTINCT $expression FROM dashboard_deliveries
                                WHERE dashboard_artifact_id = '$self->{dashboard}'");
}

sub wait_for_marks
{
    my ($self) = @_;
    my $end = defined $self->{refused} ? 'dead' : 'delivered';
    return $self->{test}->wait_for_sql("SELECT count(*) FROM dashboard_deliveries
        WHERE dashboard_artifact_id = '$self->{dashboard}' AND status <> '$end'", 0);
}

# Waits until nothing is left to be delivered, and closes the books, also if that does not come to
# pass. Returns the requests.
sub settle
{
    my ($self) = @_;
    my $test = $self->{test};
    my $dashboard = $self->{dashboard};
    ok(eval { $self->wait_for_marks }, 'all are delivered') or diag $@;
    # As the listener names them.
    my %snapshot_of = map { split / / } split /\n/, $test->sql(
        "SELECT concat_ws('_', 'msg', a.id, a.subscription_id, d.id) || ' ' || a.snapshot_b
           FROM dashboard_alerts a JOIN dashboard_deliveries d
                ON d.dashboard_artifact_id = a.dashboard_artifact_id AND d.alert_id = a.id
          WHERE a.dashboard_artifact_id = '$dashboard'");
    my @requests = $self->requests;

    # A request that got no answer may have been taken, as far as anybody knows.
    my @answered = grep { defined $_->{status} && $self->is_success($_->{status}) } @requests;
    my @taken = grep { !defined $_->{status} || $self->is_success($_->{status}) } @requests;
    my %arrived;
    $arrived{ $_->{id} } //= $_ for @answered;
    my %told = map { $_->{body}{snapshot_b} => 1 } @answered;
    my @ids = uniq map { $_->{id} } @taken;
    my %entry = (
        fault => $self->{fault},
        how => join('; ', $self->{how}, @{ $self->{notes} }),
        alerts => scalar keys %snapshot_of,
        lost => scalar(grep { !$arrived{$_} } keys %snapshot_of),
        duplicated => @taken - @ids,
        seconds => $self->seconds_to_recover(\@requests, [ values %arrived ]),
        reason => $self->{may_repeat},
    );

    cmp_ok($entry{alerts}, '>=', max(1, $self->{subscribers} * @{ $self->{confirmed} }),
        'there are alerts');
    is($entry{lost}, 0, "none of $entry{alerts} alerts is lost");
    is_deeply([ grep { !$told{$_} } @{ $self->{confirmed} } ],
        [], 'no snapshot that the server confirmed is untold');
    is_deeply([ grep { ($snapshot_of{ $_->{id} } // 0) != $_->{body}{snapshot_b} } @taken ],
        [], 'an alert has one webhook-id');
    is_deeply([ uniq map { @{ $_->{problems} } } @requests ],
        [], 'all verify, and what came again is the same');
    cmp_ok($entry{duplicated}, '<=', $self->{at_most}, 'none came again without a reason');
    note "$self->{fault}: " . JSON::PP->new->canonical->encode(\%entry);
    append_to_file($ENV{FAULTS_LEDGER}, JSON::PP->new->canonical->utf8->encode(\%entry) . "\n")
      if $ENV{FAULTS_LEDGER};
    return @requests;
}

sub is_success
{
    my ($self, $status) = @_;
    return $status =~ /^2/ || $status == ($self->{refused} // 0);
}

# From the end of the fault until the last alert had arrived; undef: it kept nothing from arriving,
# or nothing arrived.
sub seconds_to_recover
{
    my ($self, $requests, $arrivals) = @_;
    my @failed = map { at($_) }
      grep { !defined $_->{status} || !$self->is_success($_->{status}) } @{$requests};
    my $over = $self->{over} // max(@failed);
    my $last = max(map { at($_) } @{$arrivals});
    return defined $over && defined $last ? max(0, $last - $over) : undef;
}

# The receiver's time of a request.
sub at
{
    my ($request) = @_;
    my ($year, $month, $day, $hour, $minute, $second) = split /[-T:Z]/, $request->{at};
    return timegm(0, $minute, $hour, $day, $month - 1, $year) + $second;
}

1;
