import { ArgumentError, type MetricSample } from '@hotpath/hw-x86';

/** Content type of an answer to a scrape that holds {@link openMetricsText}. */
export const OPEN_METRICS_CONTENT_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8';

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * The text that Prometheus and OpenTelemetry's collector scrape (OpenMetrics 1.0): one family for
 * each name, in the order in which the names come first. O(samples).
 *
 * @throws ArgumentError ERR_METRIC_NAME for a name or label that OpenMetrics does not allow or that
 *   does not end in its unit, ERR_METRIC_FAMILY for one name with two types, units or helps,
 *   ERR_METRIC_TWICE for one name twice with the same labels, ERR_METRIC_VALUE for a counter that is
 *   negative or no number
 */
export function openMetricsText(samples: Iterable<MetricSample>): string {
  const families = new Map<string, { first: MetricSample; lines: Map<string, string> }>();
  for (const sample of samples) {
    check(sample);
    let family = families.get(sample.name);
    if (family === undefined) {
      family = { first: sample, lines: new Map() };
      families.set(sample.name, family);
    }
    checkFamily(sample, family.first);
    const labels = labelText(sample.labels);
    if (family.lines.has(labels)) {
      throw new ArgumentError('ERR_METRIC_TWICE', `metric ${sample.name}${labels} comes twice`);
    }
    const suffix = sample.type === 'counter' ? '_total' : '';
    family.lines.set(labels, `${sample.name}${suffix}${labels} ${numberText(sample.value)}\n`);
  }
  let text = '';
  for (const [name, { first, lines }] of families) {
    text += `# TYPE ${name} ${first.type}\n`;
    if (first.unit !== '') text += `# UNIT ${name} ${first.unit}\n`;
    text += `# HELP ${name} ${escaped(first.help)}\n`;
    for (const line of lines.values()) text += line;
  }
  return `${text}# EOF\n`;
}

function check({ name, type, unit, value }: MetricSample): void {
  if (!METRIC_NAME.test(name)) {
    throw new ArgumentError(
      'ERR_METRIC_NAME',
      `metric ${JSON.stringify(name)}: letters, digits, _ and : are allowed, no digit first`,
    );
  }
  if (unit !== '' && !name.endsWith(`_${unit}`)) {
    throw new ArgumentError('ERR_METRIC_NAME', `metric ${name} has to end in its unit, _${unit}`);
  }
  if (type === 'counter' && !(value >= 0)) {
    throw new ArgumentError('ERR_METRIC_VALUE', `counter ${name} is ${value}; 0 and more allowed`);
  }
}

function checkFamily(sample: MetricSample, first: MetricSample): void {
  for (const part of ['type', 'unit', 'help'] as const) {
    if (sample[part] === first[part]) continue;
    const both = `${JSON.stringify(first[part])} and ${JSON.stringify(sample[part])}`;
    throw new ArgumentError('ERR_METRIC_FAMILY', `metric ${sample.name} has two ${part}s: ${both}`);
  }
}

function labelText(labels: MetricSample['labels'] = {}): string {
  const parts = Object.keys(labels)
    .sort()
    .map((name) => {
      if (!LABEL_NAME.test(name)) {
        throw new ArgumentError(
          'ERR_METRIC_NAME',
          `label ${JSON.stringify(name)}: letters, digits and _ are allowed, no digit first`,
        );
      }
      return `${name}="${escaped(labels[name]!)}"`;
    });
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}
