import { expect, test } from "vitest";
import { z } from "zod";
import { jobSummary } from "../src/api/views.js";
import { read, startRig, takeAway } from "./rig.js";

const aPage = z.object({
  items: z.array(jobSummary),
  cursor: z.string().nullable(),
  search: z.object({ searched: z.number(), more: z.boolean() }).nullable(),
});

async function startWithFilms(...titles: readonly string[]) {
  const rig = await startRig();
  const ids: string[] = [];
  for (const videoTitle of titles) {
    ids.push((await rig.submit({ videoTitle, videoUrl: `https://films.example/${ids.length}.mkv` })).id);
  }
  const list = (query: string) => read(aPage, rig.get(`/api/v1/jobs?${query}`));
  return { ...rig, ids, list };
}

test("the list has pages, filters and counts", async () => {
  const { ids, get, list, complete } = await startWithFilms("One", "Two", "Three");
  await complete(String(ids[0]));

  const first = await list("limit=2&order=oldest");
  expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  expect(first.items[0]).not.toHaveProperty("history");
  const second = await list(`limit=2&order=oldest&cursor=${encodeURIComponent(first.cursor ?? "")}`);
  expect(second.items.map(({ id }) => id)).toEqual(ids.slice(2));
  expect(second.cursor).toBeNull();

  expect((await list("status=completed&status=failed")).items.map(({ id }) => id)).toEqual(ids.slice(0, 1));
  expect(await (await get("/api/v1/counts")).json()).toEqual({
    pending: 2,
    downloading: 0,
    translating: 0,
    completed: 1,
    failed: 0,
  });
});

test("jobs are listed by language, by target, and by both", async () => {
  const { submit, list } = await startWithFilms("One");
  const { id: spanish } = await submit({ language: "fr", targetLanguage: "es" });
  const { id: catalan } = await submit({ language: "fr", targetLanguage: "ca" });
  const ids = async (query: string) => (await list(query)).items.map(({ id }) => id);
  expect(await ids("language=fra&order=oldest")).toEqual([spanish, catalan]);
  expect(await ids("targetLanguage=ca")).toEqual([catalan]);
  expect(await ids("language=fr&targetLanguage=es")).toEqual([spanish]);
  expect(await ids("language=de")).toEqual([]);
});

test("a title is found by its words, in any case, accents and order", async () => {
  const { list, ids } = await startWithFilms("Amélie in Paris", "Paris, Texas", "Alien");
  const found = async (q: string) => (await list(`q=${encodeURIComponent(q)}&order=oldest`)).items.map(({ id }) => id);
  expect(await found("paris")).toEqual(ids.slice(0, 2));
  expect(await found("PARIS amelie")).toEqual(ids.slice(0, 1));
  expect(await found("nothing like it")).toEqual([]);
});

test("a search returns the number of searched jobs, and shows if there are others", async () => {
  const { list } = await startWithFilms("Alien", "Aliens", "Other");
  expect((await list("q=alien&limit=1")).search).toEqual({ searched: 2, more: true });
  expect((await list("q=alien")).search).toEqual({ searched: 3, more: false });
  expect((await list("limit=1")).search).toBeNull();
});

test("a search ends after the newest 1,000 jobs, and reports this", async () => {
  const { store, list } = await startRigWithMany(1001);
  expect(await list("q=needle")).toMatchObject({ items: [], search: { searched: 1000, more: true } });
  expect((await store.list({ limit: 1, order: "oldest" })).items[0]?.data.videoTitle).toBe("Needle");
});

async function startRigWithMany(count: number) {
  const rig = await startWithFilms("Needle");
  await rig.store.createMany(
    Array.from({ length: count - 1 }, (_, n) => ({
      data: { videoUrl: `https://films.example/hay/${n}.mkv`, videoTitle: "Hay", language: "en" },
    })),
  );
  return rig;
}

test.each([
  ["limit", "limit=0"],
  ["limit", "limit=many"],
  ["status", "status=done"],
  ["order", "order=random"],
  ["language", "language=!"],
  ["q", "q=%20"],
])("a list with a wrong %s is a 400 (%s)", async (field, query) => {
  const { get } = await startRig();
  const reply = await get(`/api/v1/jobs?${query}`);
  expect([reply.status, await reply.json()]).toMatchObject([400, { errors: [{ field }] }]);
});

test("a list with a wrong status names the statuses", async () => {
  const { get } = await startRig();
  const message = "must be one of pending, downloading, translating, completed, failed";
  expect(await (await get("/api/v1/jobs?status=done")).json()).toMatchObject({
    errors: [{ field: "status", message }],
  });
});

test.each(["cursor=made-up", "q=one&cursor=made-up"])("%s is a 400", async (query) => {
  const { get } = await startRig();
  expect((await get(`/api/v1/jobs?${query}`)).status).toBe(400);
});

test("reading without a store is a 503", async () => {
  const { store, get } = await startRig();
  takeAway(store, "get");
  takeAway(store, "list");
  for (const path of ["/api/v1/jobs/some-id", "/api/v1/jobs", "/api/v1/jobs/some-id/file"]) {
    const reply = await get(path);
    expect([path, reply.status, reply.headers.has("retry-after")]).toEqual([path, 503, true]);
  }
});
