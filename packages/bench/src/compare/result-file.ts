/** Reads what `--json` wrote: one JSON value, or JSON lines of cells with a `key`. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../command/failure.js';

/** A file's contents, and what kind it says it is. */
export interface ResultFile {
  readonly path: string;
  /** `schema` of the object or of the first line: `1` of suites, `hotpath-peers/1`, or empty. */
  readonly schema: string;
  readonly value: unknown;
}

/** @throws UsageError where it cannot be read, or is no JSON */
export function readResultFile(path: string): ResultFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UsageError(`result file '${path}' cannot be read`);
  }
  const value = parse(path, text);
  const head = Array.isArray(value) ? value[0] : value;
  if (typeof head !== 'object' || head === null) {
    throw new UsageError(`'${path}' holds no results; allowed: what --json wrote`);
  }
  const schema = (head as Record<string, unknown>)['schema'];
  return { path, schema: schema === undefined ? '' : String(schema), value };
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // More than one value: JSON lines, each a cell.
  }
  try {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line): unknown => JSON.parse(line));
  } catch {
    throw new UsageError(`'${path}' is neither JSON nor JSON lines`);
  }
}
