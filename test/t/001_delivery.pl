# From a snapshot to one request that a subscriber can trust.

use strict;
use warnings FATAL => 'all';

use JSON::PP;
use Test::More;

use DashboardTest;

my $test = DashboardTest->new(raw => 1);
$test->start_receiver;

# One row with a value that no binary floating point number holds.
my $exact = '12345678901234567890.123456789';

subtest 'a snapshot that meets the rule is one POST with both signatures' => sub {
    my $dashboard = qq{sales "EU"\\\x{c3}\x{bc}};    # UTF-8, and what JSON and SQL must quote
    my $subscription = $test->dashboard_with_webhook($dashboard, '/one');
    my $second = $test->snapshot($dashboard, $exact);
    $test->deliver_once;

    my @requests = $test->requests('/one');
    is(scalar @requests, 1, 'one request');
    my $request = $requests[0];
    is($request->{method}, 'POST', 'it is a POST');
    ok($request->{verified}, 'the Standard Webhooks library verifies it');
    ok($request->{hub_verified}, 'so does X-Hub-Signature-256');
    is_deeply($request->{problems}, [], 'the receiver has nothing against it');
    is($request->{status}, 204, 'and took it');

    my $headers = $request->{headers};
    is($headers->{'content-type'}, 'application/json', 'Content-Type');
    like($headers->{'webhook-id'}, qr/^msg_[0-9_]+$/, 'webhook-id');
    like($headers->{'webhook-timestamp'}, qr/^[0-9]+$/, 'webhook-timestamp');
    like($headers->{'webhook-signature'}, qr{^v1,[A-Za-z0-9+/]{43}=$}, 'webhook-signature');
    like($headers->{'x-hub-signature-256'}, qr/^sha256=[0-9a-f]{64}$/, 'X-Hub-Signature-256');
    like($headers->{'user-agent'}, qr{^dashboard_diff/1}, 'User-Agent');
    is($headers->{'content-length'}, $request->{bytes}, 'Content-Length');
    ok(!exists $headers->{'transfer-encoding'}, 'in one piece');

    is_deeply(
        [ sort keys %{ $request->{body} } ],
        [qw(dashboard_id diff explanation snapshot_a snapshot_b summary timestamp type)],
        'the documented keys and no others');
    is($request->{body}{type}, 'dashboard.alert', 'type');
    is($request->{body}{snapshot_b}, $second, 'snapshot_b is the new snapshot');

    my $body = $test->body_in_sql($request);
    is($test->sql(<<"SQL"), 't|t|t|t|t|t|t', 'the body is what the database holds');
SELECT b ->> 'dashboard_id' = a.dashboard_artifact_id,
       (b ->> 'snapshot_a')::bigint = a.snapshot_a,
       (b ->> 'snapshot_b')::bigint = a.snapshot_b,
       (b ->> 'timestamp')::timestamptz = a.created_at,
       b -> 'diff' = d.diff,
       b -> 'explanation' = a.explanation,
       b ->> 'summary' = a.summary
  FROM (SELECT $body AS b) x, dashboard_alerts a
  JOIN dashboard_diffs d USING (dashboard_artifact_id, snapshot_a, snapshot_b)
 WHERE a.subscription_id = $subscription
SQL
    is($test->sql("SELECT ($body -> 'diff') = dashboard_diff(a.content, b.content)"
              . " FROM dashboard_snapshots a, dashboard_snapshots b"
              . " WHERE a.id = ($body ->> 'snapshot_a')::bigint AND b.id = $second"),
        't', 'its diff is what dashboard_diff() says');
    like($test->raw_body($request), qr/\Q$exact\E/, 'numbers come with all their digits');

    my $delivery = $test->delivery($dashboard);
    is($delivery->{status}, 'delivered', 'the delivery is marked');
    is($delivery->{attempts}, 1, 'after one attempt');
    is($delivery->{http_status}, 204, 'with what was answered');
    ok(defined $delivery->{finished_at}, 'and when');
    is($delivery->{$_}, undef, "no $_ is left") for qw(last_error);

    $test->deliver_once;
    is(scalar $test->requests('/one'), 1, 'it is not sent again');
};

subtest 'no altered copy of a request verifies' => sub {
    my ($request) = $test->requests('/one');
    my ($status, $output) = $test->tamper_check($request);
    is($status, 0, 'the tamper check passes');
    my @passed = $output =~ /^ok /mg;
    my @failed = $output =~ /^not ok .*/mg;
    cmp_ok(scalar @passed, '>=', 60, 'every kind of change was tried');
    is_deeply(\@failed, [], 'and refused');
    like($output, qr/^ok \d+ - byte 0 of the body changed: refused/m, 'one bit of the body');
    like($output, qr/^ok \d+ - another secret: refused/m, 'another secret');
    like($output, qr/^ok \d+ - 5 minutes and 1 second old: refused/m, 'an old request');
};

subtest 'every delivery has a webhook-id of its own' => sub {
    $test->dashboard_with_webhook('ids', '/ids/a');
    $test->webhook('ids', '/ids/b');
    $test->snapshot('ids', $_ * 10) for 1 .. 3;
    $test->deliver_once;
    my %count;
    $count{ $_->{id} }++ for $test->requests('/ids/a'), $test->requests('/ids/b');
    is(scalar keys %count, 6, 'two subscribers and three alerts are six ids');
    is_deeply([ grep { $_ != 1 } values %count ], [], 'each came once');
};

subtest 'a snapshot that meets no rule is not told' => sub {
    $test->dashboard_with_webhook('quiet', '/quiet');
    $test->snapshot('quiet', '0.999');
    is($test->sql("SELECT count(*) FROM dashboard_alerts WHERE dashboard_artifact_id = 'quiet'"),
        0, 'no alert is written');
    my $told = $test->snapshot('quiet', 5);
    $test->deliver_once;
    my @requests = $test->requests('/quiet');
    is_deeply([ map { $_->{body}{snapshot_b} } @requests ],
        [$told], 'only the later one that met it arrives');
};

subtest 'subscribers with other rules are told of their own' => sub {
    $test->dashboard('rules');
    my $small = '{"AND": [{"value_delta_pct": 0.05}, {"NOT": {"set_added_min": 1}}]}';
    my $large = '{"value_delta_pct": 0.5, "on_field": "score", "direction": "up"}';
    $test->webhook('rules', '/rules/small', $small);
    $test->webhook('rules', '/rules/large', $large);
    $test->snapshot('rules', 100);
    my $tenth = $test->snapshot('rules', 110);
    my $double = $test->snapshot('rules', 220);
    $test->deliver_once;
    my %told =
      map { my $path = $_; $path => [ sort map { $_->{body}{snapshot_b} } $test->requests($path) ] }
      qw(/rules/small /rules/large);
    is_deeply($told{'/rules/small'}, [ sort $tenth, $double ], 'the small rule hears of both');
    is_deeply($told{'/rules/large'}, [$double], 'the large one of the large change');
    my ($request) = $test->requests('/rules/large');
    ok($request->{body}{explanation}{result}, 'the explanation says that the rule holds');
    ok(exists $request->{body}{explanation}{value_delta_pct}, 'and which rule it is');
};

subtest 'a persona is told by a comment and by no request' => sub {
    my $before = $test->requests;
    $test->dashboard('thread');
    $test->sql("INSERT INTO personas (id) VALUES ('ana')");
    $test->sql("SELECT subscribe('thread', 'persona', 'ana', '@{[any_change]}')");
    $test->snapshot('thread', $_) for 0, 7;
    $test->deliver_once;
    is($test->sql("SELECT count(*) FROM dashboard_deliveries WHERE subscriber_kind = 'persona'"),
        0, 'nothing is put into the outbox');
    is(scalar $test->requests, $before, 'nothing is posted');
    is( $test->sql(
            q(SELECT comment_type, mentions, author_type, content = '@ana ' || a.summary
                FROM artifact_comments c, dashboard_alerts a
               WHERE artifact_id = 'thread' AND a.dashboard_artifact_id = 'thread')),
        'snapshot_alert|{ana}|system|t',
        'one comment speaks to the persona');
};

subtest 'kinds that no listener serves wait in the outbox' => sub {
    $test->dashboard('mail');
    $test->sql("SELECT subscribe('mail', 'email', 'ana\@example.com', '@{[any_change]}')");
    $test->snapshot('mail', $_) for 0, 7;
    $test->deliver_once;
    my $delivery = $test->delivery('mail');
    is("$delivery->{status} $delivery->{attempts}", 'pending 0', 'untouched');
};

# Each takes megabytes or breaks a naive cut.
my %large = (
    'long ids that are not ASCII' => [
        q(SELECT jsonb_agg(jsonb_build_object('id', repeat('ü🙂', 200) || i, 'v', i * f))
            FROM generate_series(1, 3000) i), 'row_value_deltas', 3000 ],
    'ids that JSON must escape' => [
        q(SELECT jsonb_agg(jsonb_build_object('id', repeat(chr(1), 900) || i, 'v', i * f))
            FROM generate_series(1, 1000) i), 'row_value_deltas', 1000 ],
    'one text of a megabyte' => [
        q(SELECT jsonb_build_array(
              jsonb_build_object('id', 1, 'v', f, 'note', f || repeat('é"', 500000)))),
        'row_changes', 1 ],
    'long field names' => [
        q(SELECT jsonb_build_array(jsonb_object_agg(repeat('ß', 5000) || i, i * f)
                                   || '{"id": 1}')
            FROM generate_series(1, 200) i), 'row_value_deltas', 200 ],
    'numbers of thousands of digits' => [
        q(SELECT jsonb_agg(jsonb_build_object('id', i, 'v', repeat('9', 20000)::numeric * i * f))
            FROM generate_series(1, 100) i), 'row_value_deltas', 100 ],
    'rows that come and go' => [
        q(SELECT jsonb_agg(jsonb_build_object('id', repeat('名', 300) || i || '/' || f, 'v', i))
            FROM generate_series(1, 2000) i), 'id_set_added', 2000,
        '{"set_added_min": 1}' ],
    'many data sources with long names' => [
        q(SELECT jsonb_build_object('primary_rows', '[]'::jsonb, 'primary_metric', f,
              'materialized_data', jsonb_object_agg(repeat('源', 800) || i,
                  jsonb_build_array(jsonb_build_object('id', 'x', 'v', i * f))))
            FROM generate_series(1, 500) i), 'sources', 500,
        '{"primary_metric_delta_pct": 0.5}' ],
    'many metrics with long names' => [
        q(SELECT jsonb_build_object('primary_rows', '[]'::jsonb, 'primary_metric', f,
              'materialized_data', jsonb_object_agg(repeat('値', 900) || i, i * f))
            FROM generate_series(1, 500) i), 'metric_deltas', 500,
        '{"primary_metric_delta_pct": 0.5}' ],
    'a rule with thousands of ids' => [
        q(SELECT jsonb_agg(jsonb_build_object('id', 'ÿ' || i, 'v', i * f))
            FROM generate_series(1, 5000) i), 'row_value_deltas', 5000,
        JSON::PP->new->encode({
            value_delta_pct => 0.5,
            ids => [ map { "\xff$_" } 1 .. 5000 ] }) ],
    'a rule of many nodes' => [
        q(SELECT jsonb_agg(jsonb_build_object('id', repeat('Ω', 300) || i, 'v', i * f))
            FROM generate_series(1, 500) i), 'row_value_deltas', 500,
        '{"AND": [' . join(', ', ('{"value_delta_pct": 0.5}') x 255) . ']}' ],
);

subtest 'no body is larger than 20 kB, and the counts are kept' => sub {
    # The longest id there can be, of characters that take six bytes in JSON.
    my $n = 0;
    my %case;
    for my $what (sort keys %large)
    {
        my ($documents, undef, undef, $threshold) = @{ $large{$what} };
        utf8::encode($threshold) if defined $threshold;
        my $dashboard = sprintf "%s%03d", "\x01" x 509, ++$n;
        $case{$what} = { dashboard => $dashboard, path => "/large/$n" };
        $test->dashboard($dashboard);
        $test->webhook($dashboard, "/large/$n", $threshold);
        $test->sql('INSERT INTO dashboard_snapshots (dashboard_artifact_id, content) SELECT '
              . hexed($dashboard)
              . ", ($documents) FROM generate_series(1, 2) f ORDER BY f");
    }
    $test->deliver_once;
    for my $what (sort keys %large)
    {
        my (undef, $list, $count) = @{ $large{$what} };
        my $case = $case{$what};
        my @requests = $test->requests($case->{path});
        is(scalar @requests, 1, "$what: arrives");
        next if @requests != 1;
        my $request = $requests[0];
        cmp_ok($request->{bytes}, '<=', 20_000, "$what: at most 20 kB");
        is_deeply($request->{problems}, [], "$what: signed, complete and valid UTF-8");
        is($request->{body}{diff}{counts}{$list}, $count, "$what: $list has its true count");
        ok($request->{body}{explanation}{result}, "$what: the explanation has its result");
        cmp_ok(length $request->{body}{summary}, '>', 0, "$what: there is a summary");
        my $whole = $test->sql('SELECT pg_column_size(diff::text) FROM dashboard_diffs'
              . ' WHERE dashboard_artifact_id = '
              . hexed($case->{dashboard}));
        note "$what: the whole diff has $whole bytes, the body $request->{bytes}";
    }
    is( $test->sql(
            q(SELECT count(*) FROM dashboard_diffs f
                JOIN dashboard_snapshots a ON a.id = snapshot_a
                JOIN dashboard_snapshots b ON b.id = snapshot_b
               WHERE excerpt IS NOT NULL
                 AND f.diff IS DISTINCT FROM dashboard_diff(a.content, b.content, 10))),
        0,
        'the database keeps the whole diff');
};

subtest 'a whole diff that fits is sent whole' => sub {
    my ($request) = $test->requests('/one');
    ok(!exists $request->{body}{diff}{counts}, 'no counts where nothing was cut');
    my ($cut) = $test->requests('/large/1');
    ok(exists $cut->{body}{diff}{counts}, 'counts where something was');
};

$test->finish;
