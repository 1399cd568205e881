import { copies } from "./worker-suite/copies.js";
import { errors } from "./worker-suite/errors.js";
import { workerOnServers } from "./worker-suite/on-servers.js";
import { runs } from "./worker-suite/runs.js";
import { thrownValues } from "./worker-suite/thrown-values.js";

workerOnServers({
  "copies and redeliveries": copies,
  errors: errors,
  "thrown values": thrownValues,
  "runs of a job and their messages": runs,
});
