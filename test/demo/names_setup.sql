CREATE EXTENSION dashboard_diff;
CREATE TABLE baby_names (year integer, sex text, name text, births integer);
INSERT INTO dashboards (id, title) VALUES
  ('girls', 'The 100 most given girls'' names'),
  ('boys', 'The 100 most given boys'' names');
INSERT INTO personas (id) VALUES ('historian');
