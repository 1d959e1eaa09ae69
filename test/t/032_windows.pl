# Properties of plans: whatever the window, the zone, and the number of dashboards, each is checked
# once, evenly, within the window; and whatever happens meanwhile, none is checked twice.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

my $seed = $ENV{WINDOWS_SEED} // time;
note("WINDOWS_SEED=$seed");
srand $seed;

my $test = DashboardTest->new(conf => "timezone = 'UTC'\n");

$test->sql(q{
CREATE FUNCTION first_ids(n integer) RETURNS text[] LANGUAGE sql
  RETURN (SELECT array_agg('d' || to_char(i, 'FM0000')) FROM generate_series(1, n) i);
INSERT INTO dashboards (id) SELECT unnest(first_ids(5000));
INSERT INTO validation_policies (id, name, dashboard_ids, window_start, window_end)
VALUES (1, 'p', first_ids(1), '1:00', '2:00');

-- What is wrong with a plan of n checks, given when its window opens and closes; null: nothing.
CREATE FUNCTION plan_fault(n integer, on_date date, opens timestamptz, closes timestamptz)
RETURNS text LANGUAGE sql AS $$
  WITH plan AS (
    SELECT dashboard_id, scheduled_at AS at,
           lag(dashboard_id) OVER w AS id_before, scheduled_at - lag(scheduled_at) OVER w AS gap
      FROM plan_policy(1, on_date) WINDOW w AS (ORDER BY scheduled_at, dashboard_id)
  ), facts AS (
    SELECT count(*) AS checks, array_agg(dashboard_id ORDER BY dashboard_id) AS ids,
           min(at) AS first, max(at) AS last, min(gap) AS least, max(gap) AS most,
           bool_and(id_before IS NULL OR id_before < dashboard_id) AS in_order
      FROM plan
  )
  SELECT CASE
    WHEN checks <> n THEN checks || ' checks'
    WHEN ids <> first_ids(n) THEN 'other dashboards'
    WHEN NOT in_order THEN 'not by id'
    WHEN first < opens OR last > closes THEN format('from %s to %s', first, last)
    WHEN most - least > '1 ms' THEN format('gaps from %s to %s', least, most)
    WHEN abs(extract(epoch FROM first - opens) - extract(epoch FROM closes - opens) / (2 * n)) > 0.001
      THEN format('the first at %s', first)
    WHEN abs(extract(epoch FROM closes - last) - extract(epoch FROM closes - opens) / (2 * n)) > 0.001
      THEN format('the last at %s', last)
    END FROM facts
$$;
});

# Sets the policy's window and number of dashboards; what is wrong with the plan.
sub fault_of
{
    my ($n, $zone, $date, $start, $end, $opens, $closes) = @_;
    return "UPDATE validation_policies SET dashboard_ids = first_ids($n), window_start = '$start', "
      . "window_end = '$end', timezone = '$zone';\n"
      . "SELECT '$n in $zone, $date $start-$end: ' || fault\n"
      . "  FROM plan_fault($n, '$date', '$opens', '$closes') AS fault WHERE fault IS NOT NULL;\n";
}

subtest 'windows whose instants are known' => sub {
    # zone, date, start, end, and what that is in UTC
    my @windows = (
        [ 'UTC', '2026-06-01', '10:00', '10:01', '2026-06-01 10:00Z', '2026-06-01 10:01Z' ],
        [ 'UTC', '2026-06-01', '01:00', '05:00', '2026-06-01 01:00Z', '2026-06-01 05:00Z' ],
        [ 'UTC', '2026-06-01', '00:00', '24:00', '2026-06-01 00:00Z', '2026-06-02 00:00Z' ],
        [ 'UTC', '2026-12-31', '23:59', '23:58', '2026-12-31 23:59Z', '2027-01-01 23:58Z' ],
        [ 'Asia/Kathmandu', '2026-06-01', '22:00', '00:00', '2026-06-01 16:15Z', '2026-06-01 18:15Z' ],
        # New York springs forward on 8 March at 07:00 UTC, ...
        [ 'America/New_York', '2026-03-08', '00:00', '04:00', '2026-03-08 05:00Z', '2026-03-08 08:00Z' ],
        [ 'America/New_York', '2026-03-08', '02:30', '04:00', '2026-03-08 07:00Z', '2026-03-08 08:00Z' ],
        [ 'America/New_York', '2026-03-07', '23:00', '02:30', '2026-03-08 04:00Z', '2026-03-08 07:00Z' ],
        [ 'America/New_York', '2026-03-08', '00:00', '24:00', '2026-03-08 05:00Z', '2026-03-09 04:00Z' ],
        # ... and falls back on 1 November at 06:00 UTC.
        [ 'America/New_York', '2026-11-01', '00:00', '04:00', '2026-11-01 04:00Z', '2026-11-01 09:00Z' ],
        [ 'America/New_York', '2026-11-01', '01:30', '03:00', '2026-11-01 05:30Z', '2026-11-01 08:00Z' ],
        [ 'America/New_York', '2026-10-31', '22:00', '01:30', '2026-11-01 02:00Z', '2026-11-01 06:30Z' ],
        [ 'America/New_York', '2026-11-01', '01:15', '01:45', '2026-11-01 05:15Z', '2026-11-01 06:45Z' ],
        # Berlin: both at 01:00 UTC.
        [ 'Europe/Berlin', '2026-03-29', '00:00', '04:00', '2026-03-28 23:00Z', '2026-03-29 02:00Z' ],
        [ 'Europe/Berlin', '2026-03-28', '22:00', '06:00', '2026-03-28 21:00Z', '2026-03-29 04:00Z' ],
        [ 'Europe/Berlin', '2026-03-29', '02:15', '03:15', '2026-03-29 01:00Z', '2026-03-29 01:15Z' ],
        [ 'Europe/Berlin', '2026-10-25', '00:00', '04:00', '2026-10-24 22:00Z', '2026-10-25 03:00Z' ],
        [ 'Europe/Berlin', '2026-10-24', '22:00', '02:30', '2026-10-24 20:00Z', '2026-10-25 01:30Z' ],
        [ 'Europe/Berlin', '2026-10-25', '02:15', '02:45', '2026-10-25 00:15Z', '2026-10-25 01:45Z' ]);
    my @numbers = (1, 2, 3, 5, 7, 15, 59, 60, 61, 100, 997, 5000);
    for my $window (@windows)
    {
        my $faults = $test->sql(join('', map { fault_of($_, @$window) } @numbers));
        is($faults, '', "@$window[0..3]");
    }
};

# The clock is read minute by minute: slow, but nothing to get wrong.
$test->sql(q{
CREATE FUNCTION shown_at(local timestamp, zone text, last boolean) RETURNS timestamptz LANGUAGE sql AS $$
  WITH minutes AS (
    SELECT t, timezone(zone, t) AS shown, timezone(zone, t - interval '1 min') AS before
      FROM generate_series(timezone('UTC', local) - interval '27 h', timezone('UTC', local) + interval '27 h', '1 min') AS t)
  SELECT coalesce(CASE WHEN last THEN max(t) FILTER (WHERE shown = local)
                       ELSE min(t) FILTER (WHERE shown = local) END,
                  min(t) FILTER (WHERE before < local AND shown > local))
    FROM minutes
$$;
});

subtest 'random windows' => sub {
    my @zones = qw(America/New_York Europe/Berlin Australia/Lord_Howe America/St_Johns
      America/Sao_Paulo Africa/Casablanca Pacific/Apia Asia/Tehran UTC);
    # Days on which one of their clocks changes, and others.
    my @dates = qw(2026-03-08 2026-11-01 2026-03-29 2026-10-25 2026-04-05 2026-10-04 2018-11-04
      2018-02-17 2026-02-15 2026-03-22 2011-12-30 2011-12-29 2022-03-21 2022-09-21 2026-07-15);
    my $script = '';
    for (1 .. 60)
    {
        my $zone = $zones[ rand @zones ];
        my $date = $dates[ rand @dates ];
        my ($start, $end) = (int rand 1440, int rand 1440);
        $end = ($end + 1) % 1440 if $end == $start;
        my $next = $end < $start ? " + interval '1 day'" : '';
        ($start, $end) = map { sprintf '%02d:%02d', $_ / 60, $_ % 60 } $start, $end;
        my $opens = $test->sql("SELECT shown_at('$date $start', '$zone', false)");
        my $closes = $test->sql("SELECT shown_at(timestamp '$date $end'$next, '$zone', true)");
        $script .= fault_of(1 + int rand 300, $zone, $date, $start, $end, $opens, $closes);
    }
    is($test->sql($script), '', 'sixty of them');
};

# A night: the database is looked after every minute but while it stands still; meanwhile
# dashboards come and go, and the window is edited. What may never be seen is returned.
$test->sql(q{
CREATE FUNCTION night(window_start time, minutes integer, n integer, gap interval, stop_at integer,
                      stop_for integer, change_at integer, change text)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  opens CONSTANT timestamptz := timestamptz '2027-03-01 00:00Z' + window_start;
  closes timestamptz;
  least_gap interval;
BEGIN
  DELETE FROM validation_policies;
  DELETE FROM dashboards;
  INSERT INTO dashboards (id) SELECT unnest(first_ids(n));
  INSERT INTO validation_policies (id, name, min_gap, window_start, window_end, scheduled_since)
  VALUES (1, 'p', gap, window_start, window_start + minutes * interval '1 min', opens);
  -- Long enough for whatever stop or change.
  FOR minute IN 0 .. 2 * minutes + 40 LOOP
    IF minute = change_at THEN
      EXECUTE change;
      -- As if that had been done then.
      UPDATE validation_policies SET scheduled_since = opens;
    END IF;
    CONTINUE WHEN minute >= stop_at AND minute < stop_at + stop_for;
    PERFORM plan_validations(opens + minute * interval '1 min');
    UPDATE validation_tasks SET status = 'done', finished_at = opens + minute * interval '1 min'
     WHERE status = 'pending' AND scheduled_at <= opens + minute * interval '1 min';
  END LOOP;

  SELECT ends_at INTO closes FROM policy_window(1, '2027-03-01');
  least_gap := least(gap, (closes - opens) / greatest(n, (SELECT count(*) FROM dashboards)));
  RETURN QUERY SELECT 'unfinished: ' || dashboard_id FROM validation_tasks
                WHERE status NOT IN ('done', 'missed');
  RETURN QUERY SELECT 'outside: ' || dashboard_id FROM validation_tasks
                WHERE scheduled_at NOT BETWEEN opens AND closes;
  -- But for those that came while nobody looked, and when the window was over.
  RETURN QUERY SELECT 'neither done nor missed: ' || d.id FROM dashboards d
                WHERE NOT EXISTS (SELECT FROM validation_tasks t WHERE t.dashboard_id = d.id)
                  AND NOT (change_at >= stop_at AND stop_at + stop_for >= minutes);
  RETURN QUERY SELECT 'missed without a word: ' || t.dashboard_id FROM validation_tasks t
                WHERE t.status = 'missed'
                  AND 1 <> (SELECT count(*) FROM dashboard_events e
                             WHERE e.dashboard_artifact_id = t.dashboard_id
                               AND e.event_type = 'validation_missed');
  -- A new plan begins half a gap behind what was done before.
  RETURN QUERY SELECT format('burst: %s after %s', x.dashboard_id, x.gap)
                 FROM (SELECT dashboard_id, scheduled_at - lag(scheduled_at) OVER (ORDER BY scheduled_at) AS gap
                         FROM validation_tasks WHERE status = 'done') x
                WHERE x.gap < least_gap / 2 - interval '1 ms';
  RETURN QUERY SELECT 'missed though there was time: ' || dashboard_id FROM validation_tasks
                WHERE status = 'missed' AND stop_at + stop_for < minutes / 2 AND change = 'SELECT'
                  AND gap * n <= minutes / 2 * interval '1 min';
END
$$;
});

subtest 'stops and changes' => sub {
    my @changes = (
        'SELECT',
        q{INSERT INTO dashboards (id) SELECT 'e' || i FROM generate_series(1, 20) i},
        q{DELETE FROM dashboards WHERE right(id, 1) IN ('1', '2', '3')},
        q{UPDATE validation_policies SET window_end = window_end + interval '30 min'},
        q{UPDATE validation_policies SET is_active = false; UPDATE validation_policies SET is_active = true});
    for my $round (1 .. 25)
    {
        my $minutes = 60 + int rand 180;
        my $n = 1 + int rand 120;
        my $gap = (0, 1, 30, 120)[ rand 4 ];
        my $stop_at = 1 + int rand $minutes;
        my $stop_for = int rand $minutes;
        my $change_at = int rand $minutes;
        my $change = $changes[ rand @changes ];
        my $night = "'01:00', $minutes, $n, '$gap s', $stop_at, $stop_for, $change_at, \$\$$change\$\$";
        is($test->sql("SELECT * FROM night($night)"), '', "night($night)");
    }
};

subtest 'a restart in the middle' => sub {
    $test->sql(q{
        DELETE FROM validation_policies;
        DELETE FROM dashboards;
        INSERT INTO dashboards (id) SELECT unnest(first_ids(60));
        INSERT INTO validation_policies (id, name, window_start, window_end) VALUES (1, 'p', '1:00', '2:00');
        SELECT run_due_work('2027-03-01 01:00Z');
        UPDATE validation_tasks SET status = 'done' WHERE scheduled_at <= '2027-03-01 01:20Z'});
    $test->node->stop('immediate');
    $test->node->start;
    $test->sql(q{SELECT run_due_work('2027-03-01 01:40Z')});
    is( $test->sql(q{
            SELECT status, count(*), min(scheduled_at), max(scheduled_at) FROM validation_tasks
             GROUP BY 1 ORDER BY 1}),
        "done|20|2027-03-01 01:00:30+00|2027-03-01 01:19:30+00\n"
          . "pending|40|2027-03-01 01:40:15+00|2027-03-01 01:59:45+00",
        'what was done stays done, and the rest is spread over what is left');
};

done_testing();
