import type { Page } from "playwright-core";
import { films } from "./films.js";
import type { Service } from "./service.js";

/** A state that the page can be in. */
export interface State {
  /** Names the test, and the picture in the documentation. */
  readonly name: string;
  /** Where it is. */
  readonly path: string;
  /** Nothing that the state before does not have: there is only a picture to take. */
  readonly onlyPicture?: boolean;
  /** Does what leads there from the opened page, and waits until it shows. */
  readonly arrive: (page: Page) => Promise<unknown>;
}

type Seeded = Awaited<ReturnType<typeof seed>>;

/** A service in the middle of its work. */
export async function seed(service: Service) {
  const film = films(service);
  const cancelled = await film.pending({
    videoTitle: "The Long Way Round (2004)",
    language: "en",
    targetLanguage: "de",
  });
  await service.store.updateStatus(cancelled.id, "failed", {
    by: "manager",
    note: "cancelled",
    error: { message: "Cancelled on request.", code: "CANCELLED", retryable: true },
  });
  const failed = await film.failed({ videoTitle: "A Film Nobody Subtitled (1974)", language: "fr" });
  const completed = await film.completed({ videoTitle: "The Last Ferry (2021)" });
  await film.completed({ videoTitle: "Ταξίδι στα Κύθηρα (1984)", language: "el", targetLanguage: "en" });
  const translating = await film.translating({ videoTitle: "Harbour Lights S01E02 (2023)" });
  await film.downloading({
    videoTitle: "Le Fabuleux Destin d’Amélie Poulain (2001)",
    language: "fr",
    targetLanguage: "en",
  });
  const waiting = await film.waiting({ videoTitle: "The Lighthouse Keeper (1998)", language: "sv" }, 6);
  await film.pending({ videoTitle: "Night Train to Lisbon (2013)", language: "pt-BR" });

  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  await service.providers.note("library", {});
  await service.providers.note("opensubtitles", {
    remaining: 0,
    allowed: 20,
    resetsAt: inAnHour,
    throttledUntil: inAnHour,
    reason: "the day’s quota is used up",
  });
  await service.leaveMessages(translating.id);
  return { completed, failed, translating, waiting };
}

/** What a person can come to see, and what it takes to see it. */
export function states({ completed, failed, translating, waiting }: Seeded): readonly State[] {
  const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();
  return [
    { name: "jobs", path: "/", arrive: (page) => page.getByRole("link", { name: "The Last Ferry (2021)" }).waitFor() },
    {
      name: "jobs-no-match",
      path: "/?q=nothing+like+it",
      arrive: (page) => page.getByText("No job is like that.").waitFor(),
    },
    {
      name: "job-completed",
      path: `/jobs/${completed.id}`,
      arrive: async (page) => {
        await page.getByText("2 others passed over").click();
        await page.getByRole("cell", { name: "00:00:" }).first().waitFor();
      },
    },
    {
      name: "job-cues",
      onlyPicture: true,
      path: `/jobs/${completed.id}`,
      arrive: (page) => page.getByRole("row").nth(1).scrollIntoViewIfNeeded(),
    },
    {
      name: "job-translating",
      path: `/jobs/${translating.id}`,
      arrive: (page) => page.getByText("312 of 640 cues").waitFor(),
    },
    {
      name: "job-waiting",
      path: `/jobs/${waiting.id}`,
      arrive: (page) => page.getByText("then goes on by itself").waitFor(),
    },
    {
      name: "job-failed",
      path: `/jobs/${failed.id}`,
      arrive: (page) => page.getByText("SUBTITLE_NOT_FOUND").waitFor(),
    },
    { name: "job-gone", path: "/jobs/no-such-job", arrive: (page) => heading(page, "There is no such job") },
    {
      name: "job-cancel",
      path: `/jobs/${translating.id}`,
      arrive: async (page) => {
        await page.getByRole("button", { name: "Cancel job" }).click();
        await page.getByRole("dialog", { name: "Cancel this job?" }).waitFor();
      },
    },
    { name: "new", path: "/new", arrive: (page) => heading(page, "New job") },
    {
      name: "new-refused",
      path: "/new",
      arrive: async (page) => {
        await page.getByLabel("Video", { exact: true }).fill("javascript:alert(1)");
        await page.getByLabel("Title", { exact: true }).fill("The Last Ferry (2021)");
        await page.getByLabel("Language", { exact: true }).fill("not a language");
        await page.getByRole("button", { name: "Find the subtitle" }).click();
        await page.getByText("must be a language tag").waitFor();
      },
    },
    {
      name: "new-upload",
      path: "/new?kind=file",
      arrive: (page) => page.getByLabel("File", { exact: true }).waitFor(),
    },
    { name: "service", path: "/service", arrive: (page) => page.getByText("not asked until").waitFor() },
  ];
}
