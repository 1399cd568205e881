/** How a command ended, for scripts. */
export const EXIT = {
  done: 0,
  /** A job that is not there, a step that the lifecycle forbids, a store that is degraded; of several, any. */
  refused: 1,
  /** The command line is wrong, or nobody was there to be asked. */
  usage: 2,
  /** The store cannot be reached, or not be used. */
  unavailable: 3,
} as const;

/** The command line is wrong; the message says how. */
export class UsageError extends Error {}

/** Stores the message of a job anew, whatever became of the one before. */
export const STORE_MESSAGE_COMMAND = "set-status <id> <its status> --force --queue <name> --payload <json>";

export const USAGE = `Usage: job-store <command> [options]

Looks at the jobs of @subtitles/job-store in Redis, and puts them right. It needs no definition: the store keeps one.

  list [--status a,b] [--where field=value] [--oldest] [--limit 50 | --all] [--cursor c]
                          jobs, newest first: by creation, or with --status by when they entered it. --cursor goes on
                          where the same list ended
  get <id>...             whole jobs, with their history
  counts                  how many jobs there are in each status
  watch [id]              changes as they happen, until Ctrl-C; on standard error, when Redis is lost and when it is back
  health                  how the store stands; exit code 1 where degraded, 3 where unhealthy
  audit [--repair]        compares the indexes with the jobs, and mends them; exit code 1 where something is left

  retry <id>... | --status failed [--to status] --queue <name> --payload <json> | --no-message
                          brings jobs from a final status back to the first one, or to another
  set-status <id> <status> [--force]
                          a step of the lifecycle, or with --force any
  delete <id>... | --status a,b
                          removes jobs for good
  export [--status a,b]   jobs as JSON lines, for import
  import [file]           from such lines, also on standard input; jobs that are there already are left alone

  outbox [--rejected]     messages that wait to be published: how many, and since when. Or those set aside, and why
  outbox requeue|drop <entry>... | --all
                          hands what was set aside out again as it is, or removes it for good; the jobs stay as they are

retry and set-status take --queue <name> --payload <json>: a message that the outbox stores in the same step, so that
somebody works on the job. --queue is the name in defineQueue, without the broker's prefix. {id} in the payload is the
job's id. --no-message: none is needed, since workers look for jobs themselves. And, for the history, --note <text> and
--by <name>, job-store where it is left out.

A job that waits although its message is lost, or was not imported with it:
  ${STORE_MESSAGE_COMMAND}

Which store:
  --url redis://…         or REDIS_URL. Put a password there, not on the command line
  --cluster host:port,…   nodes of a cluster, instead
  --sentinels host:port,… --name mymaster
                          sentinels, instead; user and password are those of --url or REDIS_URL
  --prefix films:         the store's keyPrefix, or REDIS_KEY_PREFIX
  --timeout 2000          milliseconds that a call may take

How:
  --output table|json     tables for people, JSON lines for programs. Default: json where the output is no terminal
  --yes                   does not ask before it changes several jobs or destroys something
  --help, --version       prints this text, or the version of the package

Exit codes: 0 done; 1 refused or not found (of several jobs: any); 2 wrong usage; 3 the store cannot be used.
`;
