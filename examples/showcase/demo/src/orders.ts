import type { JobView, Order } from "./client.js";

/** What the demo asks for, and how each must end. */
export interface DemoOrder {
  readonly label: string;
  readonly order: Order;
  /** Null where the job ended as it should, else what is wrong. */
  check(job: JobView): string | null;
}

/** The same three orders, for a film that both the library and the translation memory of the samples have. */
const ordersFor = (videoTitle: string): readonly DemoOrder[] => {
  const film = { videoUrl: `https://films.example/${videoTitle.toLowerCase().replaceAll(" ", "-")}.mkv`, videoTitle };
  return [
    { label: `${videoTitle}, en`, order: { ...film, language: "en" }, check: mustComplete },
    { label: `${videoTitle}, en → es`, order: { ...film, language: "en", targetLanguage: "es" }, check: mustComplete },
    {
      label: "A Film Nobody Subtitled, en",
      order: { videoUrl: "https://films.example/nobody.mkv", videoTitle: "A Film Nobody Subtitled", language: "en" },
      check: ({ status, error }) =>
        status === "failed" && error?.code === "SUBTITLE_NOT_FOUND"
          ? null
          : `it should have failed as not found, and is ${status}`,
    },
  ];
};

/** Orders of the showcase, which finds files by the name of their release, and translates similar phrases. */
export const orders = ordersFor("The Last Ferry");
/** Orders of the templates, which find exactly this title, and translate exactly these phrases. */
export const templateOrders = ordersFor("The Night Boat");

function mustComplete({ status, error }: JobView): string | null {
  return status === "completed" ? null : `it should be completed, and is ${status}${error ? `: ${error.message}` : ""}`;
}
