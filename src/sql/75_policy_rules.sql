-- What a validation policy may be: first by itself, then beside the others.

-- The view reads the files of all zones. Without a digit, a name that the server knows is a file's,
-- and no rule in POSIX's notation; only those of one directory are not in the view.
CREATE FUNCTION @extschema@.is_time_zone_name(name text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF lower(name) = 'utc'
     OR (name ~ '^[[:alpha:]_]+/[[:alpha:]_/-]+$' AND NOT starts_with(lower(name), 'right/')
         AND timezone(name, timestamptz 'epoch') IS NOT NULL) THEN
    RETURN true;
  END IF;
  RETURN EXISTS (SELECT FROM pg_timezone_names z
                  WHERE lower(z.name) = lower(is_time_zone_name.name));
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END
$$;
COMMENT ON FUNCTION @extschema@.is_time_zone_name(text) IS
'whether a name is, in any case, one of pg_timezone_names';

CREATE FUNCTION @extschema@.validation_policy_check() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  whole_day CONSTANT text := 'A window of a whole day is 00:00 to 24:00.';
BEGIN
  IF cardinality(NEW.dashboard_ids) = 0 OR array_position(NEW.dashboard_ids, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'dashboard_ids must name dashboards'
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = CASE cardinality(NEW.dashboard_ids) WHEN 0 THEN 'It is empty.'
                     ELSE 'It holds a null.' END,
            HINT = 'Leave it null to cover the environment.';
  ELSIF NEW.dashboard_ids IS NOT NULL AND NEW.dashboard_tag IS NOT NULL THEN
    RAISE EXCEPTION 'a policy takes dashboard_ids or dashboard_tag, not both'
      USING ERRCODE = 'invalid_parameter_value';
  ELSIF cardinality(NEW.schedule_days) = 0
        OR array_position(NEW.schedule_days, NULL) IS NOT NULL
        OR NOT NEW.schedule_days <@ '{0,1,2,3,4,5,6}'
        OR cardinality(NEW.schedule_days)
           <> (SELECT count(DISTINCT d) FROM unnest(NEW.schedule_days) AS d) THEN
    RAISE EXCEPTION 'invalid schedule_days %', NEW.schedule_days
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'They must be days of the week from 0 to 6, at least one, each once.',
            HINT = '0 is Sunday, 6 is Saturday.';
  ELSIF NEW.window_start = NEW.window_end OR NEW.window_start = '24:00' THEN
    RAISE EXCEPTION 'invalid window from % to %', NEW.window_start, NEW.window_end
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = CASE NEW.window_start WHEN NEW.window_end THEN 'It ends when it starts.'
                     ELSE 'It starts when the day ends.' END,
            HINT = whole_day;
  ELSIF NEW.min_gap < '0' OR extract(month FROM NEW.min_gap) <> 0
        OR extract(year FROM NEW.min_gap) <> 0 THEN
    RAISE EXCEPTION 'invalid min_gap %', NEW.min_gap
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'It must not be negative, and have no months or years.';
  ELSIF NEW.renotify_after <= '0' THEN
    RAISE EXCEPTION 'invalid renotify_after %', NEW.renotify_after
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'It must be positive.',
            HINT = 'Leave it null to send no reminders.';
  ELSIF NOT NEW.alert_condition = ANY (ARRAY['FAIL_ONLY', 'WARN_AND_FAIL', 'ALWAYS']) THEN
    RAISE EXCEPTION 'invalid alert_condition "%"', NEW.alert_condition
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Conditions are FAIL_ONLY, WARN_AND_FAIL and ALWAYS.';
  END IF;

  IF TG_OP = 'INSERT' OR NEW.timezone <> OLD.timezone THEN
    IF NOT @extschema@.is_time_zone_name(NEW.timezone) THEN
      RAISE EXCEPTION 'unknown time zone "%"', NEW.timezone
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Names such as Europe/Berlin are in pg_timezone_names.';
    END IF;
  END IF;
  IF TG_OP = 'UPDATE'
     AND (NEW.is_active, NEW.schedule_days, NEW.window_start, NEW.window_end, NEW.timezone)
        IS DISTINCT FROM
        (OLD.is_active, OLD.schedule_days, OLD.window_start, OLD.window_end, OLD.timezone) THEN
    NEW.scheduled_since := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.validation_policy_check() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.validation_policy_check() IS
'trigger that checks a validation policy by itself';

CREATE TRIGGER validation_policy_check
  BEFORE INSERT OR UPDATE ON @extschema@.validation_policies FOR EACH ROW
  EXECUTE FUNCTION @extschema@.validation_policy_check();

CREATE FUNCTION @extschema@.overlapping_policy(
  policy_id bigint,
  OUT id bigint, OUT name text, OUT dashboard_id text,
  OUT starts_at timestamptz, OUT ends_at timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
  WITH covered AS MATERIALIZED (
    SELECT d.id, d.environment_id, d.owner, d.metadata -> 'tags' AS tags
      FROM @extschema@.policy_dashboards(overlapping_policy.policy_id) AS c (id)
      JOIN @extschema@.dashboards d ON d.id = c.id
  ), owners AS MATERIALIZED (
    SELECT DISTINCT c.environment_id, c.owner FROM covered c
  ), candidates AS MATERIALIZED (
    -- Those which might cover a dashboard of its: few, and quickly found. Only for them are there
    -- days to be looked at.
    SELECT p.id, p.name, p.owner, p.environment_id, p.dashboard_ids, p.dashboard_tag,
           mine.schedule_days AS my_days, mine.window_start AS my_start, mine.window_end AS my_end,
           mine.timezone AS my_zone, p.schedule_days, p.window_start, p.window_end, p.timezone
      FROM @extschema@.validation_policies mine
      JOIN @extschema@.validation_policies p ON p.id <> mine.id AND p.is_active
       AND (mine.dashboard_ids IS NULL OR p.dashboard_ids IS NULL
            OR p.dashboard_ids && mine.dashboard_ids)
     WHERE mine.id = overlapping_policy.policy_id AND mine.is_active
       AND EXISTS (SELECT FROM owners o
                    WHERE (p.dashboard_ids IS NOT NULL OR o.environment_id = p.environment_id)
                      AND (p.owner = o.owner OR @extschema@.role_has_rights(p.owner, o.owner)))
  )
  SELECT p.id, p.name, both_check.dashboard_id, shared.starts_at, shared.ends_at
    FROM candidates p
   CROSS JOIN LATERAL @extschema@.windows_overlap(
           p.my_days, p.my_start, p.my_end, p.my_zone,
           p.schedule_days, p.window_start, p.window_end, p.timezone,
           current_date - 2, current_date + 400) AS shared
   CROSS JOIN LATERAL (
     SELECT c.id
       FROM covered c
      WHERE (p.dashboard_ids IS NULL AND c.environment_id = p.environment_id
             AND (p.dashboard_tag IS NULL OR c.tags ? p.dashboard_tag)
             OR c.id IN (SELECT n FROM unnest(p.dashboard_ids) AS n))
        AND (p.owner = c.owner OR @extschema@.role_has_rights(p.owner, c.owner))
      ORDER BY c.id
      LIMIT 1) AS both_check (dashboard_id)
   WHERE shared.starts_at IS NOT NULL
   ORDER BY p.id
   LIMIT 1;
END;
REVOKE ALL ON FUNCTION @extschema@.overlapping_policy(bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.overlapping_policy(bigint) IS
'an active policy that covers a dashboard of the given one, and has a window open at the same time within the coming 400 days: the first dashboard, and when both are open';

-- SECURITY DEFINER because dashboards and policies that the writer does not see have a say.
CREATE FUNCTION @extschema@.validation_policy_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET intervalstyle = 'postgres_verbose'
AS $$
DECLARE
  dashboard text;
  other record;
  length interval;
  checks bigint;
BEGIN
  SELECT named.id INTO dashboard
    FROM unnest(NEW.dashboard_ids) WITH ORDINALITY AS named (id, place)
   WHERE NOT EXISTS (SELECT FROM @extschema@.dashboards d
                      WHERE d.id = named.id AND @extschema@.role_has_rights(NEW.owner, d.owner))
     AND (TG_OP = 'INSERT' OR NEW.dashboard_ids IS DISTINCT FROM OLD.dashboard_ids
          OR NEW.owner <> OLD.owner)
   ORDER BY named.place
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'dashboard "%" does not exist', dashboard
      USING ERRCODE = 'undefined_object',
            DETAIL = format('There is none of this id that policy "%s" may check: its owner "%s" must have the rights of the dashboard''s.',
                            NEW.name, NEW.owner);
  END IF;

  IF NOT NEW.is_active THEN
    RETURN NULL;
  END IF;
  -- Two that are made at once must see each other where they may share a dashboard; others are not
  -- held up.
  PERFORM @extschema@.lock_works(ARRAY(
    SELECT DISTINCT 'policies of ' || d.owner
      FROM @extschema@.policy_dashboards(NEW.id) AS c (id)
      JOIN @extschema@.dashboards d ON d.id = c.id
     ORDER BY 1));
  SELECT * INTO other FROM @extschema@.overlapping_policy(NEW.id);
  IF FOUND THEN
    RAISE EXCEPTION 'the window of policy "%" overlaps that of policy "%"', NEW.name, other.name
      USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('Both check dashboard "%s", and both are open from %s to %s.',
                            other.dashboard_id, other.starts_at, other.ends_at),
            HINT = 'Give them other windows or dashboards, or switch one of them off.';
  END IF;

  length := NEW.window_end - NEW.window_start
            + CASE WHEN NEW.window_end > NEW.window_start THEN '0' ELSE '24 h' END::interval;
  SELECT count(*) INTO checks FROM @extschema@.policy_dashboards(NEW.id);
  IF checks * NEW.min_gap > length THEN
    RAISE WARNING 'the window of policy "%" holds % checks % apart; % dashboards are checked % apart',
      NEW.name, floor(extract(epoch FROM length) / extract(epoch FROM NEW.min_gap)),
      ltrim(NEW.min_gap::text, '@ '), checks, ltrim((length / checks)::text, '@ ');
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.validation_policy_fits() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.validation_policy_fits() IS
'trigger that checks that a validation policy''s dashboards exist and are not checked by two policies at once, and warns where its window is too small for them';

-- AFTER, so that policies which one statement makes are held against each other, too.
CREATE TRIGGER validation_policy_fits
  AFTER INSERT OR UPDATE OF is_active, environment_id, dashboard_ids, dashboard_tag, schedule_days,
    window_start, window_end, timezone, min_gap, owner
  ON @extschema@.validation_policies FOR EACH ROW
  -- What a restore brings back may have been made before a dashboard went, or before a right did.
  WHEN (NOT @extschema@.is_restore('@extschema@.validation_policies'::regclass))
  EXECUTE FUNCTION @extschema@.validation_policy_fits();
