import type { JobView, Order } from "./client.js";

/** Request of the demo, and the expected end of its job. */
export interface DemoOrder {
  readonly label: string;
  readonly order: Order;
  /** Returns null if the job ended as expected, otherwise a description of the difference. */
  check(job: JobView): string | null;
}

/** Creates the three orders, for a film that both the library and the translation memory of the samples have. */
const ordersFor = (videoTitle: string): readonly DemoOrder[] => {
  const film = { videoUrl: `https://films.example/${videoTitle.toLowerCase().replaceAll(" ", "-")}.mkv`, videoTitle };
  return [
    { label: `${videoTitle}, en`, order: { ...film, language: "en" }, check: mustComplete },
    { label: `${videoTitle}, en → es`, order: { ...film, language: "en", targetLanguage: "es" }, check: mustComplete },
    {
      label: "A Film Without Subtitles, en",
      order: { videoUrl: "https://films.example/nobody.mkv", videoTitle: "A Film Without Subtitles", language: "en" },
      check: ({ status, error }) =>
        status === "failed" && error?.code === "SUBTITLE_NOT_FOUND"
          ? null
          : `it was expected to fail as not found, and is ${status}`,
    },
  ];
};

/** Orders of the showcase, which finds files by release name and translates similar phrases. */
export const orders = ordersFor("The Last Ferry");
/** Orders of the templates, which find exactly this title and translate exactly these phrases. */
export const templateOrders = ordersFor("The Night Boat");

function mustComplete({ status, error }: JobView): string | null {
  return status === "completed"
    ? null
    : `it was expected to be completed, and is ${status}${error ? `: ${error.message}` : ""}`;
}
