-- Receivers that say they want no more: HTTP 410, or a chat that the bot was thrown out of.

-- The rows that it writes and refers to, but for deliveries, are locked by the caller.
CREATE FUNCTION @extschema@.switch_off_subscriptions(
  dashboard_ids text[],
  delivery_ids bigint[],
  reasons text[]
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH said AS (
    SELECT d.dashboard_artifact_id, coalesce(a.subscription_id, d.test_of) AS id,
           min(g.reason) AS reason
      FROM unnest(switch_off_subscriptions.dashboard_ids, switch_off_subscriptions.delivery_ids,
                  switch_off_subscriptions.reasons) AS g(dashboard_id, delivery_id, reason)
      JOIN @extschema@.dashboard_deliveries d
        ON d.dashboard_artifact_id = g.dashboard_id AND d.id = g.delivery_id
      LEFT JOIN @extschema@.dashboard_alerts a
        ON a.dashboard_artifact_id = d.dashboard_artifact_id AND a.id = d.alert_id
     GROUP BY 1, 2
  ), switched_off AS (
    UPDATE @extschema@.dashboard_subscriptions s
       SET is_active = false
      FROM said
     WHERE s.dashboard_artifact_id = said.dashboard_artifact_id AND s.id = said.id AND s.is_active
    RETURNING s.dashboard_artifact_id, s.id,
              format('Subscription %s of %s (%s %s) is switched off: its receiver wants no more (%s).',
                     s.id, s.owner, s.subscriber_kind, @extschema@.loggable_target(s.subscriber_id),
                     said.reason) AS message
  ), pending AS MATERIALIZED (
    SELECT d.dashboard_artifact_id, d.id
      FROM switched_off s
      LEFT JOIN @extschema@.dashboard_alerts a
        ON a.dashboard_artifact_id = s.dashboard_artifact_id AND a.subscription_id = s.id
      JOIN @extschema@.dashboard_deliveries d
        ON d.dashboard_artifact_id = s.dashboard_artifact_id
       AND (d.alert_id = a.id OR d.test_of = s.id)
     WHERE d.status = 'pending'
       -- What somebody has locked is sent, and given up when the receiver says so again.
       FOR NO KEY UPDATE OF d SKIP LOCKED
  ), given_up AS (
    UPDATE @extschema@.dashboard_deliveries d
       SET status = 'dead', finished_at = clock_timestamp(), parked = false,
           last_error = 'the subscription is switched off'
      FROM pending p
     WHERE d.dashboard_artifact_id = p.dashboard_artifact_id AND d.id = p.id
  ), told AS (
    INSERT INTO @extschema@.artifact_comments
      (artifact_id, author_id, author_type, comment_type, content)
    SELECT s.dashboard_artifact_id, 'dashboard_diff', 'system', 'subscription_off', s.message
      FROM switched_off s
  )
  INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
  SELECT s.dashboard_artifact_id, 'subscription_off', s.message FROM switched_off s;
END;
COMMENT ON FUNCTION @extschema@.switch_off_subscriptions(text[], bigint[], text[]) IS
'switches off the subscriptions of deliveries whose receivers said that they are gone, gives up what else is pending for them, and tells the dashboards'' owners by an event and a comment in the thread';
REVOKE ALL ON FUNCTION @extschema@.switch_off_subscriptions(text[], bigint[], text[]) FROM PUBLIC;

-- A policy goes on as it is: it has other recipients, and this one may be there again next time.
CREATE FUNCTION @extschema@.report_gone_recipients(
  dashboard_ids text[],
  delivery_ids bigint[],
  reasons text[]
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO @extschema@.dashboard_events (dashboard_artifact_id, event_type, message)
  SELECT n.dashboard_artifact_id, 'owner_not_told',
         format('A notice of policy %s was not taken by %s %s: its receiver wants no more (%s).',
                n.policy_name, d.subscriber_kind,
                @extschema@.loggable_target(d.target), g.reason)
    FROM unnest(report_gone_recipients.dashboard_ids, report_gone_recipients.delivery_ids,
                report_gone_recipients.reasons) AS g(dashboard_id, delivery_id, reason)
    JOIN @extschema@.dashboard_deliveries d
      ON d.dashboard_artifact_id = g.dashboard_id AND d.id = g.delivery_id
    JOIN @extschema@.validation_notices n
      ON n.dashboard_artifact_id = d.dashboard_artifact_id AND n.id = d.notice_id
    -- A notice outlives its dashboard.
    JOIN @extschema@.dashboards b ON b.id = n.dashboard_artifact_id;
END;
COMMENT ON FUNCTION @extschema@.report_gone_recipients(text[], bigint[], text[]) IS
'tells the dashboards'' owners by an event that a receiver of notices said that it is gone';
REVOKE ALL ON FUNCTION @extschema@.report_gone_recipients(text[], bigint[], text[]) FROM PUBLIC;
