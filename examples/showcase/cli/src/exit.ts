/** Exit codes of the program, for scripts. */
export const EXIT = {
  done: 0,
  /** The job failed, or was cancelled. */
  failed: 1,
  usage: 2,
  /** The time of `--timeout` has ended. The job continues. */
  timeout: 3,
  /**
   * The service rejected the request, for example because there is no such job, or because it cannot be cancelled. Or the user
   * answered no.
   */
  refused: 4,
  /** The service is unavailable. */
  unreachable: 5,
  /** Ctrl-C. The job continues. */
  interrupted: 130,
} as const;

/** Error that ends the program with this exit code, after its message was printed. */
export class Exit extends Error {
  constructor(
    readonly code: (typeof EXIT)[keyof typeof EXIT],
    message: string,
  ) {
    super(message);
  }
}

/** Creates the error for wrong usage. */
export function usage(message: string): Exit {
  return new Exit(EXIT.usage, message);
}
