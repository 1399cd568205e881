import { examinedLetters } from "./worker-suite/examined-letters.js";
import { lateRequests } from "./worker-suite/late-requests.js";
import { letters } from "./worker-suite/letters.js";
import { workerOnServers } from "./worker-suite/on-servers.js";
import { requests } from "./worker-suite/requests.js";

workerOnServers({
  "requests during a run": requests,
  "requests at unusual times": lateRequests,
  "dead letters and lost workers": letters,
  "letters that are examined": examinedLetters,
});
