/** Exit codes of the program, for scripts. */
export const EXIT = {
  done: 0,
  /** The job failed, or was cancelled. */
  failed: 1,
  usage: 2,
  /** `--timeout` is over; the job goes on. */
  timeout: 3,
  /** The service refused: no such job, say, or one that cannot be cancelled any more. Or whoever was asked said no. */
  refused: 4,
  /** The service cannot be reached, or cannot answer. */
  unreachable: 5,
  /** Ctrl-C; the job goes on. */
  interrupted: 130,
} as const;

/** Ends the program with this code, after saying why. */
export class Exit extends Error {
  constructor(
    readonly code: (typeof EXIT)[keyof typeof EXIT],
    message: string,
  ) {
    super(message);
  }
}

/** Wrong usage. */
export function usage(message: string): Exit {
  return new Exit(EXIT.usage, message);
}
