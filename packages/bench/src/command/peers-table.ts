/** The last races as a table in Markdown, for READMEs. */
import type { DatedPeers } from '../report/page-data.js';

/** One row for each workload: the fastest rivals, as multiples of our time. */
export function peersTable(runs: readonly DatedPeers[]): string[] {
  const rows = runs.flatMap(({ area, results }) =>
    results.map(({ standings, title }) => {
      const [ours, ...rivals] = standings;
      const nearest = [...rivals].sort((x, y) => x.ratio.p25 - y.ratio.p25).slice(0, 3);
      const named = nearest.map(({ name, ratio, version }) => {
        const spread = `${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}`;
        return `${version === null ? name : `${name} ${version}`} ${ratio.p25.toFixed(2)}x (${spread})`;
      });
      const ns = ours!.nsPerOperation.p25;
      return `| ${area} | ${title} | ${ns.toFixed(ns < 100 ? 1 : 0)} ns | ${named.join('; ')} |`;
    }),
  );
  const dates = [...new Set(runs.map(({ date }) => date))].sort();
  const hosts = [
    ...new Set(runs.map(({ host }) => `Node ${host.node}, ${host.cpu}, ${host.cpuCount} CPUs`)),
  ];
  return [
    '| area | work | ours | rivals: time as a multiple of ours (quartiles) |',
    '|---|---|---|---|',
    ...rows,
    '',
    `Run on ${dates.join(', ')}: ${hosts.join('; ')}.`,
  ];
}
