# What users have put into the extension's tables is theirs: it is dumped and restored.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use Test::More;

use DashboardTest;

# A schema that must be quoted wherever it is named.
my $schema = 'Dash Board';
my $path = qq(search_path = '"$schema", public');

my $test = DashboardTest->new(conf => $path, schema => $schema);
my $node = $test->node;
my $restored = DashboardTest->new(name => 'restored', bare => 1, conf => $path)->node;
$test->start_receiver;

my @tables = qw(dashboards personas artifact_comments dashboard_snapshots dashboard_subscriptions
  dashboard_diffs dashboard_alerts dashboard_deliveries dashboard_events
  dashboard_pending_snapshots notification_configs own_snapshots dashboard_health
  validation_policies validation_windows validation_tasks validation_records validation_states
  validation_notices health_acknowledgements user_dashboard_preferences
  dashboard_outcomes_put_off);
my @sequences = qw(artifact_comments_id_seq dashboard_snapshots_id_seq
  dashboard_subscriptions_id_seq dashboard_alerts_id_seq dashboard_deliveries_id_seq
  dashboard_events_id_seq dashboard_pending_snapshots_id_seq notification_configs_id_seq
  own_snapshots_id_seq validation_policies_id_seq validation_tasks_id_seq
  validation_records_id_seq validation_notices_id_seq);

my $any = any_change();
my $roles = 'CREATE ROLE ana; CREATE ROLE bob; CREATE ROLE viewer;';
$test->sql($roles);
$test->sql(<<"SQL");
GRANT ALL ON ALL TABLES IN SCHEMA "$schema" TO ana, bob;
GRANT USAGE ON SCHEMA "$schema" TO ana, bob, viewer;
GRANT CREATE ON SCHEMA public TO ana;
GRANT EXECUTE ON FUNCTION claim_deliveries TO viewer;
INSERT INTO dashboards (id, owner, title, view_spec, metadata) VALUES
  ('ana''s', 'ana', 'A "title"', '{"columns": ["score"]}', '{"team": "x"}'),
  ('bob''s', 'bob', NULL, NULL, '{}'),
  ('scheduled', 'ana', NULL, '{"data_sources": {"rows": {"sql": "SELECT 1 AS id"}}}',
   '{"snapshot_policy": "hourly"}');
INSERT INTO personas (id, owner) VALUES ('zoe', 'ana'), ('dan', 'bob');
SELECT subscribe('ana''s', 'persona', 'zoe', '$any');
SELECT subscribe('ana''s', 'webhook', '@{[$test->url('/fails')]}', '$any');
INSERT INTO notification_configs (type, name, settings, credentials, allowed_roles) VALUES
  ('SMTP', 'relay', '{"host": "mail.example.com", "from": "alerts\@example.com"}',
   'sealed:v1:' || repeat('A', 40), '{ana}');
SELECT subscribe('ana''s', 'email', 'ana\@example.com', '$any', cooldown => '1 hour',
                 notification_config_id => 1);
UPDATE dashboard_subscriptions SET owner = 'ana';

-- An own table whose rows are snapshots as well.
SET ROLE ana;
CREATE TABLE public.own_snapshots (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  board text NOT NULL,
  taken timestamptz NOT NULL DEFAULT clock_timestamp(),
  document jsonb NOT NULL);
CREATE TRIGGER alert AFTER INSERT ON public.own_snapshots FOR EACH ROW
  EXECUTE FUNCTION dashboard_snapshot_alert('id', 'board', 'taken', 'document');
INSERT INTO dashboards (id) VALUES ('own');
SELECT subscribe('own', 'persona', 'zoe', '$any');
SELECT subscribe('own', 'webhook', 'https://192.0.2.1/own', '$any');
INSERT INTO public.own_snapshots (board, document)
SELECT 'own', jsonb_build_array(jsonb_build_object('id', 'row', 'score', i * 10))
  FROM generate_series(1, 3) i;
RESET ROLE;

INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
SELECT 'ana''s', jsonb_build_array(jsonb_build_object('id', 'row', 'score', i * 10.10))
  FROM generate_series(1, 3) i;
SELECT subscribe('bob''s', 'persona', 'dan', '{"set_added_min": 1}');
-- One whose diff does not fit into a webhook.
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
SELECT 'bob''s', jsonb_agg(jsonb_build_object('id', repeat('ß', 100) || i * f))
  FROM generate_series(1, 300) i, generate_series(1, 2) f GROUP BY f;
SELECT rotate_webhook_secret(2);
INSERT INTO artifact_comments (artifact_id, parent_comment_id, author_id, content)
SELECT artifact_id, id, 'ana', 'I see' FROM artifact_comments WHERE artifact_id = 'ana''s';
SQL

# One delivered, one that failed, one dead, the others pending.
my $delivered = $test->webhook("bob's", '/hook', '{"set_added_min": 1}');
$test->sql("INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
    VALUES ('bob''s', '[{\"id\": 1}]')");
$test->deliver_once;
$test->sql("UPDATE dashboard_deliveries SET status = 'dead', finished_at = now()
             WHERE id = (SELECT min(id) FROM dashboard_deliveries WHERE target LIKE '%/own')");

# The health of one, as it was found in a window, and told.
$test->sql(<<'SQL');
UPDATE dashboards SET metadata = metadata || '{"checks": [{"min_rows": 2}]}' WHERE id = 'scheduled';
INSERT INTO user_dashboard_preferences (user_name, telegram_id) VALUES ('ana', '1001');
INSERT INTO validation_policies (name, dashboard_ids, window_start, window_end, custom_channels)
VALUES ('nightly', '{scheduled}', '01:00', '05:00', '[{"type": "slack", "target": "#ops"}]');
SELECT take_snapshot('scheduled');
SELECT run_due_work('2030-01-01 01:00+00');
SELECT run_due_work('2030-01-01 03:01+00');
SELECT acknowledge_health('scheduled', 'known');
SQL

# One that starts a new baseline, and one that is left pending.
$test->sql(<<'SQL');
INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
VALUES ('bob''s', '{"id_field": "key", "primary_rows": [{"key": 1}]}');
SET dashboard_diff.dispatch_budget = 0;
INSERT INTO public.own_snapshots (board, document) VALUES ('own', '[{"id": "row", "score": 40}]');
-- What nobody could mark yet: without it, it would be sent again.
INSERT INTO dashboard_outcomes_put_off
VALUES ('ana''s', 1000000, 0, 'delivered', NULL, NULL, 200, 5, 'infinity', 'infinity');
SQL

# A text for each table and sequence that is the same if and only if the rows are.
sub contents
{
    my ($server, $database) = @_;
    my %contents;
    for my $table (@tables)
    {
        $contents{$table} = $server->safe_psql($database,
            "SELECT count(*) || ' ' || md5(string_agg(t::text, chr(10) ORDER BY t::text))
               FROM $table t");
    }
    for my $sequence (@sequences)
    {
        $contents{$sequence} =
          $server->safe_psql($database, "SELECT last_value, is_called FROM $sequence");
    }
    return \%contents;
}

my $before = contents($node, 'postgres');

subtest 'there is something in every table' => sub {
    for my $table (@tables)
    {
        like($before->{$table}, qr/^[1-9]\d* [0-9a-f]{32}$/, $table);
    }
    is($test->statuses, 'dead 1, delivered 1, pending 6', 'deliveries of every status');
    is($test->sql('SELECT count(*) FROM dashboard_diffs WHERE excerpt IS NOT NULL'),
        2, 'diffs with and without an excerpt');
    is($test->sql(q(SELECT DISTINCT (SELECT count(*) FROM dashboard_alerts) > 5
                      FROM dashboard_alerts)), 't', 'alerts');
};

my $dir = $test->dir;
my $dsn = $test->dsn;

subtest 'a dump has the rows, and the extension as one piece' => sub {
    command_ok([ 'pg_dump', '--file', "$dir/plain.sql", '--dbname', $dsn ], 'plain');
    command_ok([ 'pg_dump', '-Fc', '--file', "$dir/custom.dump", '--dbname', $dsn ], 'custom');
    my $dump = slurp_file("$dir/plain.sql");
    like($dump, qr/^CREATE EXTENSION IF NOT EXISTS dashboard_diff WITH SCHEMA /m,
        'the extension is created');
    my @made = $dump =~ /^CREATE (?:TABLE|FUNCTION|TRIGGER|POLICY|INDEX)\b.*$/mg;
    is_deeply(
        [ map { (split /\s+/, $_)[2] } @made ],
        [ 'public.own_snapshots', 'alert' ],
        'of what it consists of nothing is made by hand');
    like($dump, qr/^COPY \S.*\.dashboard_snapshots /m, 'the rows are copied');
    like($dump, qr/^GRANT .*claim_deliveries.* TO viewer/m, 'and rights that were granted');
};

$restored->safe_psql('postgres', $roles);
# pg_restore does not know that the tables of an extension refer to each other. Its jobs must not
# check it either; for a restore in parallel this is said in advance.
for my $way (
    [ 'plain', '', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", '-d' ],
    [ 'one_transaction', '', 'pg_restore', '-1', "$dir/custom.dump", '-d' ],
    [ 'one_job', '', 'pg_restore', '-e', "$dir/custom.dump", '-d' ],
    [ 'parallel', '-c session_replication_role=replica',
        'pg_restore', '-e', '-j', 2, "$dir/custom.dump", '-d' ])
{
    my ($database, $settings, @command) = @{$way};
    subtest "restored into a new server: $database" => sub {
        $restored->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
        my $sql = sub { return $restored->safe_psql($database, $_[0]) };
        {
            local $ENV{PGOPTIONS} = $settings;
            command_ok([ @command, $restored->connstr($database) ], 'restored without an error');
        }
        is_deeply(contents($restored, $database), $before,
            'the same rows and sequences, and no alert by the restore');

        is($sql->(q(SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                     WHERE extname = 'dashboard_diff' AND deptype = 'e'
                       AND classid = 'pg_class'::regclass)),
            $test->sql(q(SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                          WHERE extname = 'dashboard_diff' AND deptype = 'e'
                            AND classid = 'pg_class'::regclass)),
            'the tables belong to the extension');
        is($sql->(q(SELECT string_agg(DISTINCT relrowsecurity::text, ',') FROM pg_class
                     WHERE relname IN ('dashboards', 'dashboard_alerts'))),
            'true', 'row-level security is on');
        is($sql->(q(SET ROLE bob; SELECT string_agg(DISTINCT id, ',') FROM dashboards)),
            "bob's", 'and shows what is its role\'s');
        is($sql->(q(SELECT has_function_privilege('viewer', p.oid, 'EXECUTE')
                      FROM pg_proc p WHERE proname = 'claim_deliveries')),
            't', 'rights that were granted are there');

        is($sql->(q(SELECT string_agg(dashboard_artifact_id || ' ' || period, ',') FROM dashboard_schedules
                     WHERE due <= now() + period)),
            'scheduled 01:00:00', 'snapshots go on being taken');

        my $alerts = 'SELECT count(*) FROM dashboard_alerts';
        my $restored_count = $sql->($alerts);
        is($sql->('SELECT dispatch_pending()'), 1, 'what was pending is pending still');
        my $count = $sql->($alerts);
        is($count, $restored_count + 2, 'and is finished here');
        my $new = $sql->(q(INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
            VALUES ('ana''s', '[{"id": "row", "score": 999}]') RETURNING id));
        is($sql->("SELECT string_agg(concat_ws(' ', s.subscriber_kind, a.snapshot_b - a.snapshot_a,
                                               a.diff -> 'row_value_deltas' -> 0 ->> 'old'), ', '
                                     ORDER BY s.id)
                     FROM (SELECT * FROM dashboard_alerts JOIN dashboard_diffs
                             USING (dashboard_artifact_id, snapshot_a, snapshot_b)) a
                     JOIN dashboard_subscriptions s ON s.id = a.subscription_id
                    WHERE a.snapshot_b = $new AND a.dashboard_artifact_id = 'ana''s'"),
            "persona @{[$new - 3]} 30.30, webhook @{[$new - 3]} 30.30",
            'the next snapshot is compared with the last one restored; a cooldown goes on');
        $sql->(q(SET ROLE ana; INSERT INTO own_snapshots (board, document)
            VALUES ('own', '[{"id": "row", "score": 999}]')));
        is($sql->($alerts), $count + 4, 'that of an own table too');
    };
}

subtest 'what was to be delivered is delivered from the copy' => sub {
    my $sql = sub { return $restored->safe_psql('parallel', $_[0]) };
    $sql->("UPDATE dashboard_subscriptions SET is_active = true;
        UPDATE dashboard_deliveries SET target = '@{[$test->url('/hook')]}', next_attempt_at = now()
         WHERE alert_id = (SELECT alert_id FROM dashboard_deliveries WHERE status = 'delivered');
        UPDATE dashboard_deliveries SET status = 'pending' WHERE status = 'delivered';
        UPDATE dashboard_deliveries SET next_attempt_at = 'infinity'
         WHERE target <> '@{[$test->url('/hook')]}'");
    my ($first) = $test->requests('/hook');
    my ($status) = $test->run_program(
        'dashboard_diff_listener', '--dsn', $restored->connstr('parallel'), '--key-file',
        "$dir/listener.key", '--once', $test->local_flags);
    is($status, 0, 'a listener with the same key file works there');
    my (undef, $second) = $test->requests('/hook');
    is_deeply(
        [ @{$second}{qw(id sha256 problems)} ],
        [ @{$first}{qw(id sha256)}, [] ],
        'the same webhook-id and body, and it verifies');
};

subtest 'the extension can be altered and dropped' => sub {
    my $fails = sub {
        my $error = '';
        $restored->psql('plain', $_[0], stderr => \$error, on_error_stop => 0,
            extra_params => [ '-v', 'VERBOSITY=verbose' ]);
        return $error;
    };
    my $sql = sub { return $restored->safe_psql('plain', $_[0]) };
    like($fails->('ALTER EXTENSION dashboard_diff SET SCHEMA public'),
        qr/ERROR:  0A000/, 'it is not relocatable');
    like($fails->('DROP TABLE dashboard_deliveries'),
        qr/ERROR:  2BP01: .*extension dashboard_diff requires it/, 'no part is dropped alone');
    unlike($fails->('ALTER EXTENSION dashboard_diff UPDATE'), qr/ERROR/, 'UPDATE');
    like($fails->('DROP EXTENSION dashboard_diff'),
        qr/ERROR:  2BP01: .*other objects depend on it/s, 'an own trigger keeps it from being dropped');
    unlike($fails->('DROP EXTENSION dashboard_diff CASCADE'), qr/ERROR/, 'CASCADE does not');
    is($sql->(q(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE nspname = 'Dash Board')), 0, 'nothing is left of it');
    is($sql->('SELECT count(*) FROM own_snapshots'), 5, 'the own table keeps its rows');
    is($fails->(q(INSERT INTO own_snapshots (board, document) VALUES ('own', '[]'))),
        '', 'and takes more');
    is($fails->(qq(CREATE EXTENSION dashboard_diff SCHEMA "$schema")), '', 'it can be made again');
    is($sql->('SELECT count(*) FROM dashboards'), 0, 'and begins with nothing');
    # In one session, whose plans and caches know the first one. Nobody else may create there.
    $sql->('REVOKE CREATE ON SCHEMA public FROM ana');
    is( $fails->(q(
            INSERT INTO dashboards (id) VALUES ('x');
            SELECT subscribe('x', 'email', 'a@b.c', '{"set_added_min": 1}') \g /dev/null
            INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('x', '[]');
            DROP EXTENSION dashboard_diff;
            CREATE EXTENSION dashboard_diff SCHEMA public;
            INSERT INTO dashboards (id) VALUES ('x');
            SELECT subscribe('x', 'email', 'a@b.c', '{"set_added_min": 1}') \g /dev/null
            INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) VALUES ('x', '[]');
            INSERT INTO dashboard_snapshots (dashboard_artifact_id, content)
            VALUES ('x', '[{"id": 1}]');)),
        '', 'dropped and made again in one session, in another schema');
    is($sql->('SELECT count(*) FROM public.dashboard_alerts'), 1, 'where it works');
};

$test->finish($restored);
