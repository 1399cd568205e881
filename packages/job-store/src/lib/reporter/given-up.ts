import { JobStoreError } from "../errors.js";

/** What is said of a change that is given up without the store's verdict. */
interface GivenUp {
  readonly id: string;
  readonly doubtful: boolean;
}

export function closedWhileAway(change: GivenUp): JobStoreError {
  return givenUp(change, "The reporter was closed while the store was away, and had no journal.");
}

export function noRoom(change: GivenUp, pending: number): JobStoreError {
  return givenUp(change, `The store is away, and ${pending} changes wait already, which is maxPending.`);
}

export function unwritable(change: GivenUp, why: string): JobStoreError {
  return givenUp(change, `The store is away, and the change cannot wait for it: ${why}`);
}

function givenUp({ id, doubtful }: GivenUp, why: string): JobStoreError {
  const outcome = doubtful ? "was made once or not at all" : "was not made";
  return new JobStoreError("UNAVAILABLE", `${why} The change of job ${id} ${outcome}, and is not tried again.`, {
    jobId: id,
    indeterminate: doubtful,
  });
}
