/** What can be wrong with a recording. Stable: tests and scripts may rely on them. */
export type TraceErrorCode =
  | 'ERR_TRACE_MISSING'
  | 'ERR_TRACE_UNREADABLE'
  | 'ERR_TRACE_GZIP'
  | 'ERR_TRACE_FORMAT'
  | 'ERR_TRACE_VERSION'
  | 'ERR_TRACE_LENGTH'
  | 'ERR_TRACE_VALUE';

/** A recording that cannot be used: absent, of another format, cut short or inconsistent. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;

  /** @param message - names the value found and what is allowed */
  constructor(code: TraceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
