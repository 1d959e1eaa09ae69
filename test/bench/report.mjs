// Prints the table and writes it into a README between its markers. A row that misses its limit is
// marked, and is no failure.
// Usage: report.mjs RESULTS.jsonl NOTES.txt SERVER_VERSION [README]
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

const lines = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean);
const [resultsPath, notesPath, serverVersion, readme] = process.argv.slice(2);
const results = lines(resultsPath).map((line) => JSON.parse(line));

// Three digits that count, and thousands apart.
const number = (value) =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 });
const sample = (value, unit) => (value === null ? '' : `${number(value)} ${unit}`);

const row = (r) => {
  const reached = r.bound === 'at least' ? r.median >= r.must : r.median <= r.must;
  return [
    r.what,
    r.against,
    r.figure === 'ours' ? '' : sample(r.ours, r.sample_unit),
    sample(r.theirs, r.sample_unit),
    `**${number(r.median)}${r.figure_unit}** (${number(r.lowest)}–${number(r.highest)})`,
    `${r.bound} ${r.must}${r.figure_unit}`,
    reached ? 'yes' : '**missed**',
  ];
};
const header = ['what', 'against', 'ours', 'theirs', 'figure (lowest–highest)', 'must be', 'reached'];
const table = [header, header.map(() => '---'), ...results.map(row)]
  .map((cells) => `| ${cells.join(' | ')} |`)
  .join('\n');

const date = new Date().toISOString().slice(0, 10);
const setting =
  `Measured on ${date} by \`make bench\`: ${cpus().length} × ${cpus()[0].model.trim()}, ` +
  `PostgreSQL ${serverVersion}, a throw-away cluster (fsync and autovacuum off, 512 MB of shared ` +
  'buffers, otherwise as Debian sets it). Rows are an id and 8 fields, about 170 bytes of text. ' +
  'Documents are in memory, parsed and detoasted, unless a row says otherwise. Both sides of a ' +
  'row are measured in turn in one run; the figure is the median of the repetitions\' ratios, ' +
  'with the lowest and the highest.';
const notes = lines(notesPath).map((note) => `- ${note}`);
const report = [setting, '', table, ...(notes.length ? ['', ...notes] : [])].join('\n');
console.log(`\n${report}\n`);

if (readme) {
  const text = readFileSync(readme, 'utf8');
  const markers = /(<!-- bench -->\n)[^]*(<!-- \/bench -->)/;
  if (!markers.test(text)) throw new Error(`${readme} has no markers for the table`);
  writeFileSync(readme, text.replace(markers, (_, begin, end) => `${begin}${report}\n${end}`));
}
