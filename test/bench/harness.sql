-- What every row of the table is recorded with. A row of the table is a row of "measure"; each
-- repetition adds one sample of either side, taken one after the other, so that what else the
-- machine does slows both. The figure is the median over the repetitions of their ratio.

CREATE TABLE measure (
  place integer GENERATED ALWAYS AS IDENTITY,
  name text PRIMARY KEY,
  what text NOT NULL,
  against text NOT NULL,
  figure text NOT NULL DEFAULT 'theirs / ours'
    CHECK (figure IN ('theirs / ours', 'ours / theirs', 'ours')),
  bound text NOT NULL CHECK (bound IN ('at least', 'at most')),
  must numeric NOT NULL,
  figure_unit text NOT NULL DEFAULT '×',
  sample_unit text NOT NULL DEFAULT 'ms'
);

CREATE TABLE sample (
  name text NOT NULL REFERENCES measure,
  repetition integer NOT NULL,
  side text NOT NULL CHECK (side IN ('ours', 'theirs')),
  value float8 NOT NULL,
  PRIMARY KEY (name, repetition, side)
);

-- Lines to print below the table.
CREATE TABLE note (place integer GENERATED ALWAYS AS IDENTITY, content text NOT NULL);

-- Repetition 0 warms up and is not kept.
CREATE FUNCTION add_sample(name text, repetition integer, side text, value float8) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO sample SELECT $1, $2, $3, $4 WHERE $2 > 0
$$;

CREATE FUNCTION add_sample(name text, repetition integer, side text, spent interval, loops integer)
RETURNS void LANGUAGE sql AS $$
  SELECT add_sample($1, $2, $3, extract(epoch FROM $4) * 1000 / $5)
$$;

CREATE VIEW result AS
SELECT m.what, m.against, m.bound, m.must, m.figure, m.figure_unit, m.sample_unit,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ours) AS ours,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY r.theirs) AS theirs,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ratio) AS median,
       min(r.ratio) AS lowest, max(r.ratio) AS highest, count(*) AS repetitions
  FROM measure m
 CROSS JOIN LATERAL (
   SELECT o.value AS ours, t.value AS theirs,
          CASE m.figure
            WHEN 'theirs / ours' THEN t.value / o.value
            WHEN 'ours / theirs' THEN o.value / t.value
            ELSE o.value
          END AS ratio
     FROM sample o
     LEFT JOIN sample t ON t.name = o.name AND t.repetition = o.repetition AND t.side = 'theirs'
    WHERE o.name = m.name AND o.side = 'ours') r
 GROUP BY m.place, m.name
 ORDER BY m.place;
