import type { JobView, Order } from "./client.js";

/** What the demo asks for, and how each must end. */
export interface DemoOrder {
  readonly label: string;
  readonly order: Order;
  /** Null where the job ended as it should, else what is wrong. */
  check(job: JobView): string | null;
}

const film = { videoUrl: "https://films.example/the-last-ferry.mkv", videoTitle: "The Last Ferry" };

export const orders: readonly DemoOrder[] = [
  { label: "The Last Ferry, en", order: { ...film, language: "en" }, check: mustComplete },
  { label: "The Last Ferry, en → es", order: { ...film, language: "en", targetLanguage: "es" }, check: mustComplete },
  {
    label: "A Film Nobody Subtitled, en",
    order: { videoUrl: "https://films.example/nobody.mkv", videoTitle: "A Film Nobody Subtitled", language: "en" },
    check: ({ status, error }) =>
      status === "failed" && error?.code === "SUBTITLE_NOT_FOUND"
        ? null
        : `it should have failed as not found, and is ${status}`,
  },
];

function mustComplete({ status, error }: JobView): string | null {
  return status === "completed" ? null : `it should be completed, and is ${status}${error ? `: ${error.message}` : ""}`;
}
