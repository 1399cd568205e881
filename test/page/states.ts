import type { Page } from "playwright-core";
import { sampleJobs } from "./sample-jobs.js";
import type { Service } from "./service.js";

/** State of the page. */
export interface State {
  /** Name of the state, and of its picture. */
  readonly name: string;
  /** Path of the URL. */
  readonly path: string;
  /** True if the state has the same content as the one before, so that it only needs a picture. */
  readonly onlyPicture?: boolean;
  /** Brings the opened page into the state, and waits until the state is visible. */
  readonly enter: (page: Page) => Promise<unknown>;
}

type Seeded = Awaited<ReturnType<typeof seed>>;

/** Stores jobs, messages and provider states that show every part of the page. */
export async function seed(service: Service) {
  const jobs = sampleJobs(service);
  const cancelled = await jobs.pending({
    videoTitle: "The Long Way Round (2004)",
    language: "en",
    targetLanguage: "de",
  });
  await service.store.updateStatus(cancelled.id, "failed", {
    by: "manager",
    note: "cancelled",
    error: { message: "Cancelled on request.", code: "CANCELLED", retryable: true },
  });
  const failed = await jobs.failed({ videoTitle: "An Unsubtitled Film (1974)", language: "fr" });
  const completed = await jobs.completed({ videoTitle: "The Last Ferry (2021)" });
  await jobs.completed({ videoTitle: "Ταξίδι στα Κύθηρα (1984)", language: "el", targetLanguage: "en" });
  const translating = await jobs.translating({ videoTitle: "Harbour Lights S01E02 (2023)" });
  await jobs.downloading({
    videoTitle: "Le Fabuleux Destin d’Amélie Poulain (2001)",
    language: "fr",
    targetLanguage: "en",
  });
  const waiting = await jobs.waiting({ videoTitle: "The Lighthouse Keeper (1998)", language: "sv" }, 6);
  await jobs.pending({ videoTitle: "Night Train to Lisbon (2013)", language: "pt-BR" });

  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  await service.providers.note("library", {});
  await service.providers.note("opensubtitles", {
    remaining: 0,
    allowed: 20,
    resetsAt: inAnHour,
    throttledUntil: inAnHour,
    reason: "the day’s quota is used up",
  });
  await service.publishMessages(translating.id);
  return { completed, failed, translating, waiting };
}

/** Returns the states that a user can reach while the service works. */
export function states({ completed, failed, translating, waiting }: Seeded): readonly State[] {
  const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();
  return [
    { name: "jobs", path: "/", enter: (page) => page.getByRole("link", { name: "The Last Ferry (2021)" }).waitFor() },
    {
      name: "jobs-no-match",
      path: "/?q=nothing+like+it",
      enter: (page) => page.getByText("No job is like that.").waitFor(),
    },
    {
      name: "job-completed",
      path: `/jobs/${completed.id}`,
      enter: async (page) => {
        await page.getByText("2 others skipped").click();
        await page.getByRole("cell", { name: "00:00:" }).first().waitFor();
      },
    },
    {
      name: "job-cues",
      onlyPicture: true,
      path: `/jobs/${completed.id}`,
      enter: (page) => page.getByRole("row").nth(1).scrollIntoViewIfNeeded(),
    },
    {
      name: "job-translating",
      path: `/jobs/${translating.id}`,
      enter: (page) => page.getByText("312 of 640 cues").waitFor(),
    },
    {
      name: "job-waiting",
      path: `/jobs/${waiting.id}`,
      enter: (page) => page.getByText("then continues automatically").waitFor(),
    },
    {
      name: "job-failed",
      path: `/jobs/${failed.id}`,
      enter: (page) => page.getByText("SUBTITLE_NOT_FOUND").waitFor(),
    },
    { name: "job-gone", path: "/jobs/no-such-job", enter: (page) => heading(page, "There is no such job") },
    {
      name: "job-cancel",
      path: `/jobs/${translating.id}`,
      enter: async (page) => {
        await page.getByRole("button", { name: "Cancel job" }).click();
        await page.getByRole("dialog", { name: "Cancel this job?" }).waitFor();
      },
    },
    { name: "new", path: "/new", enter: (page) => heading(page, "New job") },
    {
      name: "new-refused",
      path: "/new",
      enter: async (page) => {
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
      enter: (page) => page.getByLabel("File", { exact: true }).waitFor(),
    },
    { name: "service", path: "/service", enter: (page) => page.getByText("not called until").waitFor() },
  ];
}
