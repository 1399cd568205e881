import { closing } from "./worker-suite/closing.js";
import { keyLimits } from "./worker-suite/key-limits.js";
import { liveWorkers } from "./worker-suite/live-workers.js";
import { workerOnServers } from "./worker-suite/on-servers.js";
import { outages } from "./worker-suite/outages.js";
import { queuePauses } from "./worker-suite/queue-pauses.js";
import { timeLimits } from "./worker-suite/time-limits.js";

workerOnServers({
  "outages and lost processes": outages,
  "time limits": timeLimits,
  "closing and pausing": closing,
  "paused queues": queuePauses,
  "live workers": liveWorkers,
  "limits of a key": keyLimits,
});
