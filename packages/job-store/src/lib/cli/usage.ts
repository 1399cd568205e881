/** Exit codes. */
export const EXIT = {
  done: 0,
  /** A job does not exist, the lifecycle forbids a transition, or the store is degraded. One of several jobs is enough. */
  rejected: 1,
  /** The command line is wrong, or a confirmation was needed without a terminal. */
  usage: 2,
  /** The store or RabbitMQ cannot be reached or used. */
  unavailable: 3,
} as const;

/** Error in the command line. */
export class UsageError extends Error {}

/** Command that stores another message for a job. */
export const STORE_MESSAGE_COMMAND = "set-status <id> <its status> --force --queue <name> --payload <json>";

export const USAGE = `Usage: job-store <command> [options]

Shows and changes the jobs of @subtitles/job-store in Redis. It reads the job definition from the store.

  list [--status a,b] [--where field=value] [--oldest] [--limit 50 | --all] [--cursor c]
                          lists jobs, newest first: by creation, or with --status by the time of entering the status.
                          --cursor continues the same list
  get <id>...             shows jobs with their history
  explain <id>            shows why a job does not move, and what to do
  counts [--where field=value]
                          shows the number of jobs in each status; with --where, only of jobs with this value
  activity                shows how many of the present jobs entered their status, or were created, in the last hour, and timeouts
                          that pass within the hour or are overdue; jobs that moved on are not counted
  watch [id]              shows changes until Ctrl-C; lost and restored connections are shown on standard error
  health                  shows the health of the store; exit code 1 if degraded, 3 if unhealthy
  audit [--repair]        compares the indexes with the jobs, and repairs them; exit code 1 if something is not repaired

  retry <id>... | --status failed [--to status] --queue <name> --payload <json> | --no-message
                          moves jobs from a final status to the initial status, or to another one
  set-status <id> <status> [--force]
                          makes a transition that the lifecycle allows, or with --force any change
  delete <id>... | --status a,b
                          deletes jobs permanently
  export [--status a,b]   writes jobs as JSON lines, for import
  import [file]           reads such lines from a file or standard input; existing jobs are not changed

  outbox [--rejected]     shows the numbers of waiting, scheduled and rejected messages; or rejected ones and their reasons
  outbox --kind waiting|scheduled|rejected [--limit 50 | --all] [--cursor c]
                          shows messages of this kind with their entry ids; relays still receive them
  outbox requeue|drop <entry>... | --all
                          makes rejected messages available again, or deletes them permanently; jobs are not changed
  outbox run-now <entry>... | --job <id>
                          makes scheduled messages due now; or ends the wait of a job for a retry, or of a postponed job
  outbox cancel <entry>...
                          deletes scheduled messages permanently; jobs are not changed

  dead-letters list [--limit 50 | --all]
                          shows dead letters of the queue --queue, oldest first; needs the package @subtitles/queue
  dead-letters redrive|discard <id>... | --all
                          sends dead letters to their queue again, as first attempts; or deletes them permanently

  pause <queue> [--until 2026-12-31T18:00:00Z | --for 30m] [--reason <text>]
                          pauses a queue for all workers, in every process, until this time or until resume;
                          running jobs continue
  resume <queue>          ends a pause
  paused                  shows the paused queues
  workers                 shows the live workers, and how many jobs each of them runs

  dashboard [--host 127.0.0.1] [--port 3737] [--read-only] [--by <name>] [--title <text>] [--color red] [--token-file <file>]
                          serves a page with everything above until Ctrl-C. An address that other machines reach requires a
                          token, in DASHBOARD_TOKEN or in a file. With --queue <name>,… it also shows queues of RabbitMQ

<queue> is the name in defineQueue, without the prefix of the broker. dead-letters never creates or changes a queue.

retry and set-status accept --queue <name> --payload <json>: the outbox stores this message in the same step, so that a
worker processes the job. {id} in the payload is replaced by the id of the job. Both options can be omitted if the
definition has \`sends\` for the new status: these messages are stored in any case. --no-message: no message is needed,
because workers look for jobs themselves.
--note <text> and --by <name> (default: job-store) are stored in the history. --by is also the author of a pause.

Store another message for a job whose message was lost, or was not imported with it:
  ${STORE_MESSAGE_COMMAND}

Server and store:
  --url redis://…         address of Redis, or REDIS_URL. Put a password there, not on the command line
  --cluster host:port,…   nodes of a cluster, instead of --url
  --sentinels host:port,… --name mymaster
                          sentinels, instead of --url; user and password are those of --url or REDIS_URL
  --prefix films:         keyPrefix of the store, or REDIS_KEY_PREFIX
  --timeout 2000          time limit of a call in milliseconds; default for RabbitMQ: 10000

RabbitMQ, for dead-letters and dashboard:
  --amqp-url amqp://…     address of RabbitMQ, or RABBITMQ_URL. Put a password there, not on the command line
  --amqp-prefix films.    prefix of the broker, or RABBITMQ_PREFIX
  --queue <name>          queue

Output:
  --output table|json     tables or JSON lines. Default: tables if the output is a terminal, otherwise JSON lines
  --yes                   does not ask before several jobs are changed or something is deleted
  --help, --version       shows this text, or the version of the package

Exit codes: 0 done; 1 rejected or not found (one of several jobs is enough); 2 wrong usage; 3 the store or RabbitMQ cannot be used.
`;
