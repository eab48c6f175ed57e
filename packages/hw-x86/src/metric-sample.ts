/**
 * One figure as metrics exporters take it (the data model of OpenMetrics and OpenTelemetry): what
 * every package's `...Metrics()` answers, so that one exporter serves all of them.
 */
export interface MetricSample {
  /** Lower case with underscores, the subsystem first, without `_total`: `pagecache_hits`. */
  readonly name: string;
  /** A counter only grows while its owner lives; a gauge goes both ways. */
  readonly type: 'counter' | 'gauge';
  /** Base unit, in which `name` then ends (`bytes`, `seconds`, `cycles`), or '' for plain numbers. */
  readonly unit: string;
  /** What it counts, a sentence. */
  readonly help: string;
  readonly value: number;
  /** What tells samples of one name apart: `{ tenant: 'web' }`. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** How {@link samplesOf} describes a field: its type, unit and help, and its name if not the field's. */
export interface MetricDescription {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly unit?: string;
  /** Instead of the field's name in lower case with underscores. */
  readonly name?: string;
  /** The field's value times this is in `unit`: 1e-3 for milliseconds as seconds. Default 1. */
  readonly scale?: number;
}

/**
 * The fields of `figures` that `descriptions` describes, as samples named `PREFIX_FIELD`, in the
 * order of `descriptions`. O(fields).
 */
export function samplesOf<T extends object>(
  prefix: string,
  figures: T,
  descriptions: { readonly [K in keyof T]?: MetricDescription },
  labels?: Readonly<Record<string, string>>,
): MetricSample[] {
  const samples: MetricSample[] = [];
  for (const field of Object.keys(descriptions) as (keyof T & string)[]) {
    const { type, help, unit = '', name = snakeCase(field), scale = 1 } = descriptions[field]!;
    const value = Number(figures[field]) * scale;
    samples.push({
      name: `${prefix}_${name}`,
      type,
      unit,
      help,
      value,
      ...(labels === undefined ? {} : { labels }),
    });
  }
  return samples;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
