// The peer outside of the server: npm's jsondiffpatch, as its documentation advises for arrays of
// objects (objectHash by the id; moves are detected, as by default). Documents are parsed before,
// and the compiler is warm. It finds the changed fields, the added, removed and moved rows, but no
// deltas, no shares and no ranks.
import { readFileSync } from 'node:fs';
import { create } from 'jsondiffpatch';
import { psql, quote } from '../psql.mjs';

const version = JSON.parse(
  readFileSync(new URL('../../node_modules/jsondiffpatch/package.json', import.meta.url)),
).version;
const against =
  `npm \`jsondiffpatch\` ${version} with \`objectHash\`, Node.js ${process.versions.node}, ` +
  'parsing not counted';
psql(`INSERT INTO measure (name, what, against, bound, must)
      VALUES ('jsondiffpatch', 'the same', ${quote(against)}, 'at least', 70)`);
psql(`CREATE FUNCTION time_diff(loops integer) RETURNS interval LANGUAGE plpgsql AS $$
      DECLARE
        before jsonb := load('before', 10000);
        after jsonb := load('after', 10000);
        diff jsonb := dashboard_diff(before, after);
        started timestamptz := clock_timestamp();
      BEGIN
        FOR i IN 1..loops LOOP diff := dashboard_diff(before, after); END LOOP;
        RETURN clock_timestamp() - started;
      END $$`);

const document = (name) =>
  JSON.parse(psql(`SELECT content FROM document WHERE name = '${name}' AND n = 10000`));
const before = document('before');
const after = document('after');
const differ = create({ objectHash: (row) => row.id });

for (let repetition = 0; repetition <= 15; repetition++) {
  psql(`SELECT add_sample('jsondiffpatch', ${repetition}, 'ours', time_diff(40), 40)`);

  const loops = 10;
  const started = performance.now();
  let delta;
  for (let i = 0; i < loops; i++) delta = differ.diff(before, after);
  const spent = (performance.now() - started) / loops;
  psql(`SELECT add_sample('jsondiffpatch', ${repetition}, 'theirs', ${spent})`);

  // 100 rows with another score, two moved, one gone, one new, and the mark of an array.
  const found = Object.keys(delta.primary_rows).length;
  if (found !== 105) throw new Error(`jsondiffpatch finds ${found} entries`);
}
